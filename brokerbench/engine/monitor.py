"""Once a second: what the host, the broker, the other servers and our own processes used. Unmeasured is None."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from brokerbench.model import STEAL_MOST, THROTTLED_MOST

from .cgroup import own_cgroup
from .disk import disk_of

__all__ = ["HostCpu", "HostTimes", "Monitor", "Usage"]

_MIB = 2**20
_SECOND_NS = 1_000_000_000


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


class HostTimes(NamedTuple):
    """CPUs, of which the machine has `psutil.cpu_count()`; `steal_share` is of all CPU time."""

    busy: float  # not idle, whoever had them: interrupts and the hypervisor too
    processes: float
    steal_share: float | None


class HostCpu:
    """What the whole machine used, by us or others."""

    def __init__(self) -> None:
        self._last = psutil.cpu_times()

    def take(self) -> HostTimes:
        """Since the last call."""
        before, self._last = self._last, psutil.cpu_times()
        # None is below zero, though the kernel's iowait may go back (proc(5)).
        spent = {name: max(0.0, getattr(self._last, name) - getattr(before, name)) for name in self._last._fields}
        # guest time is counted in user time already.
        total = sum(value for name, value in spent.items() if not name.startswith("guest")) or 1e-9
        busy = total - spent["idle"] - spent.get("iowait", 0.0)
        processes = spent["user"] + spent["system"] + spent.get("nice", 0.0)
        cpus = (psutil.cpu_count() or 1) / total
        return HostTimes(busy * cpus, processes * cpus, spent["steal"] / total if "steal" in spent else None)


class Monitor:
    """`beat` is called often and samples once a second, from `start(t0_ns)` on. `pids` gives the processes of each
    group; it is asked once a sample, because a look at all processes costs milliseconds."""

    def __init__(self, pids: Callable[[], Mapping[str, Sequence[int]]], folder: Path) -> None:
        self._pids = pids
        self._usages: defaultdict[str, Usage] = defaultdict(Usage)
        self._disk, self._cgroup = disk_of(folder), own_cgroup()
        self._t0: int | None = None
        self._next = 0
        self._cpu = HostCpu()
        self._flushed = self._disk.flushed()
        self._throttled_s = self._cgroup.throttled_s()
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

    def window(self, start_s: float, end_s: float) -> dict[str, Any]:
        """How much of the measured window others took from us, as trial.json's `contamination` says it.

        A line that lies partly in the window counts with that part. None: no line of it tells.
        """
        seconds, steal, throttled = 0.0, [], []
        began = 0.0
        for line in self.lines:
            inside = min(line["t"], end_s) - max(began, start_s)
            if inside > 0:
                seconds += inside
                host = line["host"]
                steal.append((inside, host["steal_share"]))
                throttled.append((inside / (line["t"] - began), host["throttled_s"]))
            began = line["t"]
        steal_share, throttled_share = _share(steal, seconds), _share(throttled, seconds)
        return {
            "steal_share": steal_share,
            "throttled_share": throttled_share,
            "contaminated": (steal_share or 0.0) > STEAL_MOST or (throttled_share or 0.0) > THROTTLED_MOST,
        }

    def _sample(self) -> dict[str, Any]:
        host = self._host()
        return {"host": host, **{name: self._usages[name].take(pids) for name, pids in self._pids().items()}}

    def _host(self) -> dict[str, float | None]:
        used = self._cpu.take()
        flushed_before, self._flushed = self._flushed, self._disk.flushed()
        flushes = written_mib = None
        if self._flushed and flushed_before:
            flushes = self._flushed.flushes - flushed_before.flushes
            written_mib = round((self._flushed.written_bytes - flushed_before.written_bytes) / _MIB, 2)
        waited_before, self._throttled_s = self._throttled_s, self._cgroup.throttled_s()
        throttled_s = None
        if self._throttled_s is not None and waited_before is not None:
            throttled_s = round(self._throttled_s - waited_before, 6)
        return {
            "cpu_share": round(used.busy, 3),
            "steal_share": None if used.steal_share is None else round(used.steal_share, 4),
            "memory_used_mib": round(psutil.virtual_memory().used / _MIB, 1),
            "flushes": flushes,
            "disk_written_mib": written_mib,
            "throttled_s": throttled_s,
        }


def _share(parts: Sequence[tuple[float, float | None]], seconds: float) -> float | None:
    """At most 1: the kernel adds up throttled CPUs, so one second of two can be two."""
    known = [weight * value for weight, value in parts if value is not None]
    return round(min(1.0, sum(known) / seconds), 4) if parts and len(known) == len(parts) else None
