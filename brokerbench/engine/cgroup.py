"""What the kernel's control group grants this process, and how long it was made to wait; v1 and v2 read alike.

Sources: Linux Documentation/admin-guide/cgroup-v1 (cpu.cfs_quota_us, memory.limit_in_bytes),
Documentation/admin-guide/cgroup-v2.rst (cpu.max, memory.max), Documentation/scheduler/sched-bwc.rst (cpu.stat).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .kernel import Mount, lines, mounts

__all__ = ["Cgroup", "own_cgroup"]

_VERSIONS = {"cgroup": 1, "cgroup2": 2}  # by the kind of file system
_MIB = 2**20
_NO_LIMIT_BYTES = 2**60  # v1 says "none" with the largest multiple of a page


@dataclass(frozen=True)
class Cgroup:
    """Folders of our group, then of its ancestors as far as they can be seen: a limit of any of them holds for us."""

    version: int | None  # of the hierarchy that counts CPU time, else of the one that limits memory
    cpu: tuple[Path, ...] = ()
    memory: tuple[Path, ...] = ()

    def cpu_quota_cores(self) -> float | None:
        """The tightest; None where there is none."""
        return min((share for folder in self.cpu if (share := _quota(folder)) is not None), default=None)

    def memory_limit_mib(self) -> float | None:
        """The tightest; None where there is none."""
        limits = [limit for folder in self.memory if (limit := _memory_limit(folder)) is not None]
        return round(min(limits) / _MIB, 1) if limits else None

    def throttled_s(self) -> float | None:
        """Seconds since boot in which the quota kept us from running; None where the kernel does not say.

        The kernel adds up CPUs, and an ancestor that waits makes us wait too: the sum is the most we can have waited.
        """
        known = [waited for folder in self.cpu if (waited := _throttled_s(folder)) is not None]
        return sum(known) if known else None


def own_cgroup(root: Path = Path("/")) -> Cgroup:
    """Of this process. `root` is for tests: a folder with proc/self and what is mounted below."""
    cpu_version, cpu = _find(root, "cpu")
    memory_version, memory = _find(root, "memory")
    return Cgroup(cpu_version or memory_version, cpu, memory)


def _groups(root: Path) -> Iterator[tuple[frozenset[str], PurePosixPath]]:
    """Controllers and path of each line `4:cpu,cpuacct:/path`; version 2 names no controllers."""
    for line in lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if number.isdigit() and colon:
            yield frozenset(controllers.split(",")) if controllers else frozenset(), PurePosixPath(path)


def _find(root: Path, controller: str) -> tuple[int | None, tuple[Path, ...]]:
    """A controller belongs to one hierarchy only: where version 1 has it, version 2 has not."""
    hierarchies = [mount for mount in mounts(root) if mount.kind in _VERSIONS]
    for controllers, path in _groups(root):
        for mount in hierarchies:
            version = _VERSIONS[mount.kind]
            named = controller in controllers & mount.options
            if named if version == 1 else not controllers:
                folders = tuple(_upwards(root, mount, path))
                if named or any(_has(folder, controller) for folder in folders):
                    return version, folders
    return None, ()


def _upwards(root: Path, mount: Mount, group: PurePosixPath) -> Iterator[Path]:
    """From our group up to the mount. Where the group is not below what is mounted, the mount is all that we see."""
    top = root / mount.at.relative_to(mount.at.anchor)
    below = group.relative_to(mount.shows) if group.is_relative_to(mount.shows) else PurePosixPath()
    if ".." in below.parts:
        below = PurePosixPath()
    for step in (below, *below.parents):
        folder = top / step
        if folder.is_dir():
            yield folder


def _has(folder: Path, controller: str) -> bool:
    return any(folder.glob(f"{controller}.*"))


def _number(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _quota(folder: Path) -> float | None:
    if line := lines(folder / "cpu.max"):
        quota, _, period = line[0].partition(" ")
        return int(quota) / int(period or 100_000) if quota.isdigit() else None
    v1_quota, v1_period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return v1_quota / v1_period if v1_quota and v1_quota > 0 and v1_period else None


def _memory_limit(folder: Path) -> int | None:
    limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")  # "max" is no number
    return limit if limit is not None and limit < _NO_LIMIT_BYTES else None


def _throttled_s(folder: Path) -> float | None:
    for line in lines(folder / "cpu.stat"):
        name, _, value = line.partition(" ")
        if name == "throttled_usec":
            return int(value) / 1e6
        if name == "throttled_time":
            return int(value) / 1e9
    return None
