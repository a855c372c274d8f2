"""What a child does beside its load: looks for orders every 50 ms, reports its counters every second since t0,
and notes its own CPU over the measured window."""

import os
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .channel import Line
from .clock import Clock
from .hiccups import HiccupMeter
from .spec import ChildSpec

__all__ = ["Ticker"]

_TICK_NS = 50_000_000
_SECOND_NS = 1_000_000_000


class Ticker:
    """`sample()` gives {"counts": running totals, "gauges": ..., "histograms": what came since the last sample}.

    `spun_ns()` is the CPU time that went into waiting for an exact moment: it is no work."""

    def __init__(
        self,
        spec: ChildSpec,
        channel: Line,
        sample: Callable[[], dict[str, Any]],
        clock: Clock,
        spun_ns: Callable[[], int] = lambda: 0,
    ) -> None:
        self.due_ns = 0
        self._channel = channel
        self._sample = sample
        self._window = spec.window_ns
        self._t0: int | None = None
        self._next_second = 0
        self._said: dict[str, Any] = {}
        self._cpu_said = 0.0
        self._clock = clock
        self._spun_ns = spun_ns
        self._meter = HiccupMeter(spec.window_ns) if clock.real else None
        self._marks: list[_Mark] = []  # at the window's start and end

    def start(self, t0_ns: int) -> None:
        self._t0 = t0_ns
        self._next_second = _SECOND_NS
        self._cpu_said = time.process_time()
        if self._meter:
            self._meter.start(t0_ns)

    def tick(self, now_ns: int) -> list[dict[str, Any]]:
        """Orders that arrived; sends an interval when a second is full. Raises ChannelClosed."""
        self.due_ns = now_ns + _TICK_NS
        if self._t0 is not None:
            since = now_ns - self._t0
            if len(self._marks) < 2 and since >= self._window[len(self._marks)]:
                self._marks.append(_Mark(since / 1e9, time.process_time(), self._spun_ns() / 1e9, _threads()))
            if since >= self._next_second:
                self._report(since)
                self._next_second = (since // _SECOND_NS + 1) * _SECOND_NS
        return self._channel.poll()

    def wait(self, seconds: float, take: Callable[[dict[str, Any]], None]) -> None:
        """Pass time while nothing is connected: orders go to `take`, intervals go on."""
        until = self._clock.now_ns() + int(seconds * 1e9)
        while (now := self._clock.now_ns()) < until:
            for message in self.tick(now):
                take(message)
            for message in self._channel.poll(0.05):
                take(message)

    def last(self) -> None:
        """The rest since the last full second."""
        if self._t0 is not None:
            self._report(self._clock.now_ns() - self._t0)

    def usage(self) -> dict[str, Any]:
        """Of the measured window, and peak memory; None where it was never reached, or where the time was virtual.

        `busy_share`: of the window's time, how long the busiest thread was on a CPU for work or waited for one. Who
        only counts the first takes a generator that the broker keeps off the CPUs for one with time to spare.
        """
        names = ("cpu_s", "spin_s", "waited_s", "busy_share", "rss_mib_max", "hiccups")
        usage: dict[str, Any] = dict.fromkeys(names)
        if self._meter is None:
            return usage
        usage["rss_mib_max"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
        usage["hiccups"] = self._meter.report()
        if len(self._marks) == 2:
            began, ended = self._marks
            spin_s = ended.spun_s - began.spun_s
            usage["cpu_s"], usage["spin_s"] = round(ended.cpu_s - began.cpu_s, 4), round(spin_s, 4)
            busy = _busiest(began.threads, ended.threads, spin_s)
            if busy is not None:
                usage["waited_s"] = round(busy[1], 4)
                usage["busy_share"] = round(sum(busy) / (ended.at_s - began.at_s), 4)
        return usage

    def _report(self, since_ns: int) -> None:
        sample = self._sample()
        cpu = time.process_time()
        counts = sample["counts"]
        delta = {name: value - self._said.get(name, 0) for name, value in counts.items()}
        self._said = dict(counts)
        self._channel.send(
            {
                "say": "interval",
                "t": round(since_ns / 1e9, 6),  # the last one may follow its neighbour within a millisecond
                "counts": delta,
                "gauges": sample.get("gauges", {}),
                "cpu_s": round(cpu - self._cpu_said, 4) if self._clock.real else None,
                "histograms": sample["histograms"],
            }
        )
        self._cpu_said = cpu


class _Mark(NamedTuple):
    at_s: float  # since t0
    cpu_s: float  # of the whole process
    spun_s: float  # by the load's own thread
    threads: dict[str, tuple[float, float]]


def _threads() -> dict[str, tuple[float, float]]:
    """Thread -> (seconds on a CPU, seconds it could have run and had none), so far. Linux, proc(5): schedstat."""
    found = {}
    for task in Path("/proc/self/task").glob("*"):
        with suppress(OSError):  # it has just ended
            ran_ns, waited_ns, _ = (task / "schedstat").read_text().split()
            found[task.name] = int(ran_ns) / 1e9, int(waited_ns) / 1e9
    return found


def _busiest(
    began: Mapping[str, tuple[float, float]], ended: Mapping[str, tuple[float, float]], spin_s: float
) -> tuple[float, float] | None:
    """(worked, waited) of the thread with most of both; spinning is no work. None where the kernel tells nothing."""
    spent = []
    for thread, (ran_s, waited_s) in ended.items():
        ran_before, waited_before = began.get(thread, (0.0, 0.0))
        idle_s = spin_s if thread == str(os.getpid()) else 0.0
        spent.append((max(0.0, ran_s - ran_before - idle_s), waited_s - waited_before))
    return max(spent, key=sum, default=None)
