"""What a child does beside its load: looks for orders every 50 ms, reports its counters every second since t0,
and notes its own CPU over the measured window."""

import resource
import time
from collections.abc import Callable
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
                self._marks.append(_Mark(since / 1e9, time.process_time(), self._spun_ns() / 1e9, _waited_s()))
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

        `busy_share`: of the window's time, on a CPU for work or waiting for one. Who only counts the first takes a
        generator that the broker keeps off the CPUs for one with time to spare.
        """
        names = ("cpu_s", "spin_s", "waited_s", "busy_share", "rss_mib_max", "hiccups")
        usage: dict[str, Any] = dict.fromkeys(names)
        if self._meter is None:
            return usage
        usage["rss_mib_max"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
        usage["hiccups"] = self._meter.report()
        if len(self._marks) == 2:
            began, ended = self._marks
            cpu_s, spin_s = ended.cpu_s - began.cpu_s, ended.spun_s - began.spun_s
            waited_s = None if began.waited_s is None or ended.waited_s is None else ended.waited_s - began.waited_s
            busy_s = max(0.0, cpu_s - spin_s) + max(0.0, waited_s or 0.0)
            usage["cpu_s"], usage["spin_s"] = round(cpu_s, 4), round(spin_s, 4)
            usage["waited_s"] = None if waited_s is None else round(waited_s, 4)
            usage["busy_share"] = round(busy_s / (ended.at_s - began.at_s), 4)
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
                "cpu_s": round(cpu - self._cpu_said, 4),
                "histograms": sample["histograms"],
            }
        )
        self._cpu_said = cpu


class _Mark(NamedTuple):
    at_s: float  # since t0
    cpu_s: float
    spun_s: float
    waited_s: float | None


def _waited_s() -> float | None:
    """Time in which threads of this process could have run and had no CPU, so far (Linux, proc(5): schedstat)."""
    try:
        tasks = [path.read_text().split() for path in Path("/proc/self/task").glob("*/schedstat")]
    except OSError:
        return None
    return sum(int(fields[1]) for fields in tasks) / 1e9 if tasks else None
