"""Pinned jars: what is not the jar that was pinned is named and refused, and a full cache is never asked to grow."""

import hashlib
from pathlib import Path

import pytest

from brokerbench.servers import NotAvailable, maven
from brokerbench.servers.maven import Jar, PinnedJars

JARS = {"org/example/one/1.0/one-1.0.jar": b"one", "org/example/deep/two_2.13/4.3.1/two_2.13-4.3.1.jar": b"two"}


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PinnedJars:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "repository"))
    manifest = tmp_path / "jars.sha256"
    manifest.write_text("".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in JARS.items()))
    return PinnedJars("Example", manifest, 1.0, "kafka")


def _fill(pinned: PinnedJars) -> None:
    for name, data in JARS.items():
        file = pinned.repository / name
        file.parent.mkdir(parents=True)
        file.write_bytes(data)


def _from(staged: dict[str, bytes], calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the download: writes into the staging folder what the repository would give."""

    def resolve(jar: Jar, staging: Path) -> Path:
        calls.append(str(jar.path))
        file = staging / jar.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(staged[str(jar.path)])
        return file

    monkeypatch.setattr(maven, "_resolve", resolve)


def test_coordinates_are_read_off_the_path(pinned: PinnedJars) -> None:
    assert [jar.coordinates for jar in pinned.jars] == [
        ("org.example", "one", "1.0"),
        ("org.example.deep", "two_2.13", "4.3.1"),
    ]


def test_a_full_cache_needs_nobody(pinned: PinnedJars, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    _from({}, calls, monkeypatch)
    _fill(pinned)
    said: list[str] = []
    pinned.fetch(said.append)
    assert (calls, said) == ([], [])
    assert pinned.classpath() == ":".join(str(pinned.repository / name) for name in JARS)


def test_what_is_missing_is_fetched_and_said(pinned: PinnedJars, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    _from(JARS, calls, monkeypatch)
    _fill(pinned)
    (pinned.repository / next(iter(JARS))).unlink()
    said: list[str] = []
    pinned.fetch(said.append)
    assert calls == [next(iter(JARS))]
    assert "1 jars" in said[0]
    assert "MB" in said[0]
    assert pinned.classpath()
    assert not list(pinned.repository.glob(".brokerbench-*"))


def test_a_wrong_jar_never_enters_the_cache(pinned: PinnedJars, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(iter(JARS))
    _from({**JARS, name: b"something else"}, [], monkeypatch)
    with pytest.raises(NotAvailable, match=r"one-1\.0\.jar is not the jar that was pinned"):
        pinned.fetch(lambda _text: None)
    assert not (pinned.repository / name).exists()
    assert not list(pinned.repository.glob(".brokerbench-*"))


def test_a_changed_jar_in_the_cache_is_refused_by_name(pinned: PinnedJars) -> None:
    _fill(pinned)
    (pinned.repository / next(iter(JARS))).write_bytes(b"changed")
    with pytest.raises(NotAvailable, match=r"one-1\.0\.jar is not the jar that was pinned.*delete it and fetch again"):
        pinned.classpath()


def test_a_missing_jar_is_named(pinned: PinnedJars) -> None:
    with pytest.raises(NotAvailable, match=r"one-1\.0\.jar cannot be read"):
        pinned.classpath()


def test_a_failed_download_says_which_and_what_to_do(pinned: PinnedJars, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(jar: Jar, staging: Path) -> Path:
        raise OSError("no route\nto host")

    monkeypatch.setattr(maven, "_resolve", fail)
    with pytest.raises(NotAvailable, match=r"org\.example.*could not be fetched: no route; check the network") as error:
        pinned.fetch(lambda _text: None)
    assert "\n" not in str(error.value)
