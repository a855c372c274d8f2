"""The disk below a folder: what it is, how long it takes to keep a promise of durability, how much it flushed."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .kernel import Mount, first_line, lines, mounts

__all__ = ["Disk", "Flushed", "disk_of", "flush_ms"]

_DISKSTATS_FLUSHES = 18  # Linux Documentation/admin-guide/iostats: the 16th field after the device's name
_DISKSTATS_SECTORS_WRITTEN = 9
_SECTOR_BYTES = 512
_FLUSHES, _FLUSH_BYTES, _FLUSHING_S = 20, 4096, 1.0


@dataclass(frozen=True)
class Flushed:
    """Since boot."""

    flushes: int
    written_bytes: int


@dataclass(frozen=True)
class Disk:
    """A whole disk, not a partition. `number` is its `major:minor`; None where the kernel shows no disk (tmpfs,
    overlay, network)."""

    number: str | None
    device: str | None
    model: str | None
    rotational: bool | None
    filesystem: str | None
    root: Path = Path("/")

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("device", "model", "rotational", "filesystem")}

    def flushed(self) -> Flushed | None:
        for line in lines(self.root / "proc/diskstats"):
            fields = line.split()
            if self.number == f"{fields[0]}:{fields[1]}" and len(fields) > _DISKSTATS_FLUSHES:
                sectors = int(fields[_DISKSTATS_SECTORS_WRITTEN])
                return Flushed(int(fields[_DISKSTATS_FLUSHES]), sectors * _SECTOR_BYTES)
        return None


def disk_of(folder: Path, root: Path = Path("/")) -> Disk:
    """`root` is for tests: a folder with proc and sys."""
    mount = _mount_of(folder.resolve(), root)
    if mount is None:
        return Disk(None, None, None, None, None, root)
    # btrfs and ZFS have numbers of no device: the mount's source may still be one.
    for name in (mount.number, *_number_of(mount.source)):
        link = root / "sys/dev/block" / name
        if link.exists():
            disk = _whole(link.resolve())
            return Disk(
                number=first_line(disk / "dev"),
                device=disk.name,
                model=first_line(disk / "device/model"),
                rotational={"0": False, "1": True}.get(first_line(disk / "queue/rotational") or ""),
                filesystem=mount.kind,
                root=root,
            )
    return Disk(None, None, None, None, mount.kind, root)


def flush_ms(folder: Path) -> float | None:
    """The median time of an fsync of 4 KiB appended to a file there; None where it cannot be measured.

    20 of them, fewer where they take more than a second in all. The file has a name: for one without, a file system
    may skip the work, since nothing could ever be read after a crash.
    """
    took: list[float] = []
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix="bb-flush-", buffering=0) as file:
            deadline = time.monotonic() + _FLUSHING_S
            while len(took) < _FLUSHES and time.monotonic() < deadline:
                file.write(os.urandom(_FLUSH_BYTES))
                began = time.perf_counter_ns()
                os.fsync(file.fileno())
                took.append((time.perf_counter_ns() - began) / 1e6)
    except OSError:
        return None
    return round(statistics.median(took), 4) if took else None


def _mount_of(folder: Path, root: Path) -> Mount | None:
    """The mount that a path lies on: the longest one above it, the last where several stand in one place."""
    found = None
    for mount in mounts(root):
        above = PurePosixPath(folder).is_relative_to(mount.at)
        if above and (found is None or len(mount.at.parts) >= len(found.at.parts)):
            found = mount
    return found


def _number_of(source: str) -> Iterator[str]:
    with suppress(OSError):
        if source.startswith("/dev/"):
            number = os.stat(source).st_rdev
            yield f"{os.major(number)}:{os.minor(number)}"


def _whole(block: Path) -> Path:
    """From a partition to its disk, and through a mapper (LVM, encryption) where it stands on one device only."""
    while True:
        slaves = list((block / "slaves").glob("*"))
        if (block / "partition").exists():
            block = block.parent
        elif len(slaves) == 1:
            block = slaves[0].resolve()
        else:
            return block
