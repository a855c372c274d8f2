"""Pinned jars: what is not the jar that was pinned is named and refused, and a full cache is never asked to grow."""

import hashlib
import io
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from brokerbench.servers import NotAvailable, maven
from brokerbench.servers.maven import Jar, PinnedArchive, PinnedJars

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


def test_classifier_and_packaging_are_read_off_the_name() -> None:
    names = ("a/lib/1.0/lib-1.0.jar", "a/lib/1.0/lib-1.0-agent.jar", "a/lib/1.0/lib-1.0-bin.tar.gz")
    kinds = [Jar(PurePosixPath(name), "").kind for name in names]
    assert kinds == [("", "jar"), ("agent", "jar"), ("bin", "tar.gz")]


def _tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        about = tarfile.TarInfo("example-1.0/bin/run")
        about.mode, about.size = 0o755, 2
        tar.addfile(about, io.BytesIO(b"hi"))
    return made.getvalue()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PinnedArchive:
    """In the Maven cache, not unpacked."""
    monkeypatch.setenv("M2_REPO", str(tmp_path / "repository"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data, name = _tar(), "org/example/1.0/example-1.0-bin.tar.gz"
    manifest = tmp_path / "archive.sha256"
    manifest.write_text(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
    file = tmp_path / "repository" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    return PinnedArchive("Example", manifest, 1.0, "activemq")


def test_an_archive_is_unpacked_once(archive: PinnedArchive) -> None:
    said: list[str] = []
    inside = archive.unpacked(said.append)
    assert (inside.name, (inside / "bin" / "run").read_bytes()) == ("example-1.0", b"hi")
    assert (inside / "bin" / "run").stat().st_mode & 0o100, "programs of the archive can run"
    assert len(said) == 1
    archive.pinned.files()[0].unlink()
    assert archive.unpacked(said.append) == inside
    assert len(said) == 1
    assert [path.name for path in archive.folder.parent.iterdir()] == [archive.folder.name]


def test_a_changed_archive_is_not_unpacked(archive: PinnedArchive) -> None:
    archive.pinned.files()[0].write_bytes(b"changed")
    with pytest.raises(NotAvailable, match="is not the jar that was pinned"):
        archive.unpacked(lambda _text: None)
    assert not archive.folder.exists()


def test_an_archive_that_is_neither_here_nor_to_be_had(archive: PinnedArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(jar: Jar, staging: Path) -> Path:
        raise OSError("no route to host")

    monkeypatch.setattr(maven, "_resolve", fail)
    archive.pinned.files()[0].unlink()
    with pytest.raises(NotAvailable, match="could not be fetched: no route to host") as error:
        archive.unpacked(lambda _text: None)
    assert "\n" not in str(error.value)
