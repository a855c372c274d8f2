"""A Java is found by reading files: JAVA_HOME first, then PATH, then the one that pip installed."""

from pathlib import Path

import pytest

from brokerbench.servers import java
from brokerbench.servers.java import Java, find_java


def _home(folder: Path, version: str | None) -> Path:
    executable = folder / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text("#!/bin/sh\nexit 1\n")
    executable.chmod(0o755)
    if version is not None:
        (folder / "release").write_text(f'IMPLEMENTOR="Somebody"\nJAVA_VERSION="{version}"\n')
    return folder


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda _name: None)
    return monkeypatch


def test_java_home_comes_before_path(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare.setenv("JAVA_HOME", str(_home(tmp_path / "a", "21.0.1")))
    bare.setenv("PATH", str(_home(tmp_path / "b", "17.0.15") / "bin"))
    found = find_java()
    assert found is not None
    assert (found.version, found.major, found.executable) == ("21.0.1", 21, tmp_path / "a" / "bin" / "java")


def test_a_link_on_path_is_followed_to_its_home(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = _home(tmp_path / "jvm", "17.0.15")
    links = tmp_path / "links"
    links.mkdir()
    (links / "java").symlink_to(home / "bin" / "java")
    bare.setenv("PATH", str(links))
    found = find_java()
    assert found is not None
    assert found.executable == home / "bin" / "java"


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_392", None])
def test_what_is_too_old_or_does_not_say_is_passed_over(
    bare: pytest.MonkeyPatch, tmp_path: Path, version: str | None
) -> None:
    bare.setenv("JAVA_HOME", str(_home(tmp_path / "old", version)))
    assert find_java() is None
    bare.setenv("PATH", str(_home(tmp_path / "new", "17") / "bin"))
    found = find_java()
    assert found is not None
    assert found.version == "17"


def test_nothing_is_found_where_nothing_is(bare: pytest.MonkeyPatch) -> None:
    assert find_java() is None


def test_what_the_environment_tells_every_java_is_a_fact_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"):
        monkeypatch.delenv(name, raising=False)
    found = Java(Path("java"), "21.0.1", 21)
    assert found.facts == {"java": "21.0.1"}
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -Djavax.net.ssl.trustStorePassword=s3cret")
    monkeypatch.setenv("_JAVA_OPTIONS", "-Xmx64m")
    told = found.facts["java options of the environment"]
    assert told == "-XX:TieredStopAtLevel=1 -Djavax.net.ssl.trustStorePassword -Xmx64m"
