"""Jars and archives from Maven: a pinned list with checksums, kept in the user's usual cache, fetched by `jgo`.

The list is a `sha256sum` file whose names are paths in a Maven repository, so `sha256sum -c` checks it too.
Nothing is resolved when it is used: the class path is the list. An archive is unpacked once for each user.
"""

import hashlib
import importlib.util
import os
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from .cache import make_once, user_cache
from .recipe import NotAvailable

__all__ = ["Jar", "PinnedArchive", "PinnedJars"]

_AT_ONCE = 8


@dataclass(frozen=True)
class Jar:
    path: PurePosixPath  # org/example/lib/1.0/lib-1.0.jar
    sha256: str

    @property
    def coordinates(self) -> tuple[str, str, str]:
        """Group, artifact, version."""
        *group, artifact, version, _ = self.path.parts
        return ".".join(group), artifact, version

    @property
    def kind(self) -> tuple[str, str]:
        """Classifier ("" where there is none) and packaging: what follows artifact and version in the file's name."""
        _, artifact, version = self.coordinates
        rest = self.path.name.removeprefix(f"{artifact}-{version}")
        classifier, _, packaging = rest.removeprefix("-").partition(".")
        return classifier, packaging


class PinnedJars:
    """`title` is what the user is told is being fetched; `megabytes` the size of all jars of the list."""

    def __init__(self, title: str, manifest: Path, megabytes: float, extra: str) -> None:
        self.title = title
        self.megabytes = megabytes
        self._manifest = manifest
        self._install = f"pip install 'brokerbench[{extra}]'"

    @cached_property
    def jars(self) -> tuple[Jar, ...]:
        lines = (line.split() for line in self._manifest.read_text().splitlines() if line and not line.startswith("#"))
        return tuple(Jar(PurePosixPath(path), sha256) for sha256, path in lines)

    @property
    def repository(self) -> Path:
        """The Maven cache: M2_REPO, else ~/.m2/repository."""
        return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")

    def files(self) -> list[Path]:
        return [self.repository / jar.path for jar in self.jars]

    def missing(self) -> list[Jar]:
        """The jars that are not in the cache; looks at names only."""
        return [jar for jar in self.jars if not (self.repository / jar.path).is_file()]

    def can_fetch(self) -> bool:
        return importlib.util.find_spec("jgo") is not None

    def classpath(self) -> str:
        """Checks every jar first. Raises NotAvailable naming the file that is missing or is not the pinned one."""
        for jar in self.jars:
            self._check(jar, self.repository / jar.path)
        return ":".join(map(str, self.files()))

    def fetch(self, say: Callable[[str], None]) -> None:
        """Download what is missing; a jar enters the cache whole and checked, or not at all."""
        missing = self.missing()
        if not missing:
            return
        if not self.can_fetch():
            raise NotAvailable(f"{self.title} is fetched by jgo, which is not installed: {self._install}")
        say(f"{self.title}: fetching {len(missing)} jars, up to {self.megabytes:.0f} MB, into {self.repository}")
        self.repository.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".brokerbench-", dir=self.repository) as staging:
            self._download(missing, Path(staging), say)
        say(f"{self.title}: all {len(self.jars)} jars are here")

    def _download(self, jars: Sequence[Jar], staging: Path, say: Callable[[str], None]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            waiting = {pool.submit(_resolve, jar, staging): jar for jar in jars}
            quarter = max(1, len(jars) // 4)
            for number, future in enumerate(as_completed(waiting), 1):
                jar = waiting[future]
                try:
                    file = future.result()
                except Exception as error:  # jgo raises what its HTTP library raises
                    pool.shutdown(cancel_futures=True)
                    raise NotAvailable(
                        f"{self.title}: {':'.join(jar.coordinates)} could not be fetched: {_first_line(error)};"
                        " check the network (or a proxy's settings) and try again"
                    ) from error
                self._check(jar, file)
                target = self.repository / jar.path
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, target)
                if number % quarter == 0 and number < len(jars):
                    say(f"{self.title}: {number} of {len(jars)} jars")

    def _check(self, jar: Jar, file: Path) -> None:
        try:
            with file.open("rb") as data:
                found = hashlib.file_digest(data, "sha256").hexdigest()
        except OSError as error:
            raise NotAvailable(f"{self.title}: {file} cannot be read: {error.strerror}; fetch it again") from error
        if found != jar.sha256:
            raise NotAvailable(
                f"{self.title}: {file} is not the jar that was pinned: sha256 {found}, expected {jar.sha256};"
                " delete it and fetch again"
            )


class PinnedArchive:
    """A .tar.gz whose list has one line; it holds one folder, which is unpacked once into the user's cache folder."""

    def __init__(self, title: str, manifest: Path, megabytes: float, extra: str) -> None:
        self.pinned = PinnedJars(title, manifest, megabytes, extra)

    @property
    def folder(self) -> Path:
        """Where it is unpacked to; the checksum in the name tells versions apart."""
        (archive,) = self.pinned.jars
        return user_cache() / f"{'-'.join(archive.coordinates[1:])}-{archive.sha256[:12]}"

    def unpacked(self, say: Callable[[str], None]) -> Path:
        """The folder inside; fetches and unpacks what is not here. Raises NotAvailable."""
        if not self.folder.is_dir():
            self.pinned.fetch(say)
            self.pinned.classpath()  # checked now, so what is unpacked is what was pinned
            say(f"{self.pinned.title}: unpacking into {self.folder}")
            self._unpack(self.pinned.files()[0])
        (inside,) = self.folder.iterdir()
        return inside

    def _unpack(self, archive: Path) -> None:
        def fill(staging: Path) -> None:
            with tarfile.open(archive) as tar:
                tar.extractall(staging, filter="data")

        try:
            make_once(self.folder, fill)
        except (OSError, tarfile.TarError) as error:
            raise NotAvailable(f"{self.pinned.title}: {archive} cannot be unpacked: {error}") from error


def _resolve(jar: Jar, staging: Path) -> Path:
    """One jar through jgo, into a cache of its own. The user's jgo settings may name other repositories."""
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=staging, timeout=30)
    context.remote_repos.update(GlobalSettings.load().repositories)
    group, artifact, version = jar.coordinates
    classifier, packaging = jar.kind
    component = context.project(group, artifact).at_version(version)
    return Path(component.artifact(classifier=classifier, packaging=packaging).resolve())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
