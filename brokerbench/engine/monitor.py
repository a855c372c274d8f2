"""Once a second: what the host, the broker, the other servers and our own processes used. Unmeasured is None."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

__all__ = ["Monitor", "Usage"]

_MIB = 2**20
_SECOND_NS = 1_000_000_000
_DISKSTATS_FLUSHES = 18  # Linux Documentation/admin-guide/iostats: the 16th field after the device's name
_DISKSTATS_SECTORS_WRITTEN = 9
_SECTOR = 512


class Usage:
    """CPU seconds and memory of a changing set of processes."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[psutil.Process, float]] = {}

    def take(self, pids: Iterable[int]) -> dict[str, float] | None:
        """CPU seconds since the last call and resident MiB now; None where there is no process."""
        cpu_s, rss, alive = 0.0, 0, {}
        for pid in pids:
            process, before = self._known.get(pid) or (None, 0.0)
            try:
                process = process or psutil.Process(pid)
                times = process.cpu_times()
                rss += process.memory_info().rss
            except psutil.Error:
                continue
            now = times.user + times.system
            # A process met for the first time may be old: its past belongs to no interval of ours.
            cpu_s += now - before if pid in self._known else 0.0
            alive[pid] = (process, now)
        self._known = alive
        return {"cpu_s": round(cpu_s, 3), "rss_mib": round(rss / _MIB, 1)} if alive else None


class Monitor:
    """`beat` is called often and samples once a second, from `start(t0_ns)` on. `pids` gives the processes of each
    group; it is asked once a sample, because a look at all processes costs milliseconds."""

    def __init__(self, pids: Callable[[], Mapping[str, Sequence[int]]], disk_of: Path) -> None:
        self._pids = pids
        self._usages: defaultdict[str, Usage] = defaultdict(Usage)
        self._device = _device(disk_of)
        self._t0: int | None = None
        self._next = 0
        self._cpu = psutil.cpu_times()
        self._disk = _diskstats(self._device)
        self.lines: list[dict[str, Any]] = []

    def start(self, t0_ns: int) -> None:
        """The first interval starts at t0: counters are read now, so that the first line holds nothing older."""
        self._sample()
        self._t0 = t0_ns
        self._next = t0_ns + _SECOND_NS

    def beat(self) -> None:
        now = time.monotonic_ns()
        if self._t0 is not None and now >= self._next:
            self._next += ((now - self._next) // _SECOND_NS + 1) * _SECOND_NS  # after a stall no burst of short lines
            self.lines.append({"t": round((now - self._t0) / 1e9, 3), **self._sample()})

    def _sample(self) -> dict[str, Any]:
        host = self._host()
        return {"host": host, **{name: self._usages[name].take(pids) for name, pids in self._pids().items()}}

    def _host(self) -> dict[str, float | None]:
        before, self._cpu = self._cpu, psutil.cpu_times()
        spent = {name: getattr(self._cpu, name) - getattr(before, name) for name in self._cpu._fields}
        # guest time is counted in user time already.
        total = sum(value for name, value in spent.items() if not name.startswith("guest")) or 1e-9
        idle = spent["idle"] + spent.get("iowait", 0.0)
        disk_before, self._disk = self._disk, _diskstats(self._device)
        flushes = written = None
        if self._disk and disk_before:
            flushes = self._disk[0] - disk_before[0]
            written = round((self._disk[1] - disk_before[1]) * _SECTOR / _MIB, 2)
        return {
            "cpu_share": round((total - idle) / total * (psutil.cpu_count() or 1), 3),
            "steal_share": round(spent.get("steal", 0.0) / total, 4),
            "memory_used_mib": round(psutil.virtual_memory().used / _MIB, 1),
            "flushes": flushes,
            "disk_written_mib": written,
        }


def _device(path: Path) -> str | None:
    """`major:minor` of the whole disk below `path`, None where the kernel does not say (tmpfs, overlay)."""
    number = os.stat(path).st_dev
    link = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not link.exists():
        return None
    disk = link.resolve()
    if (disk / "partition").exists():
        disk = disk.parent
    return (disk / "dev").read_text().strip()


def _diskstats(device: str | None) -> tuple[int, int] | None:
    """(flushes, sectors written) since boot."""
    stats = Path("/proc/diskstats")
    if device is None or not stats.exists():
        return None
    for line in stats.read_text().splitlines():
        fields = line.split()
        if f"{fields[0]}:{fields[1]}" == device and len(fields) > _DISKSTATS_FLUSHES:
            return int(fields[_DISKSTATS_FLUSHES]), int(fields[_DISKSTATS_SECTORS_WRITTEN])
    return None
