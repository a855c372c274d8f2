"""What a child does beside its load: looks for orders every 50 ms, reports its counters every second since t0,
and notes its own CPU over the measured window."""

import resource
import time
from collections.abc import Callable
from typing import Any

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
        self._marks: list[tuple[int, float, int]] = []  # (ns since t0, CPU s, ns spun) at the window's start and end

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
                self._marks.append((since, time.process_time(), self._spun_ns()))
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
        """CPU seconds and share of one core in the measured window, peak resident memory, pauses; None where never
        reached, or where the time was virtual."""
        usage: dict[str, Any] = {
            "cpu_s": None,
            "spin_s": None,
            "busy_share": None,
            "rss_mib_max": None,
            "hiccups": None,
        }
        if self._meter is None:
            return usage
        usage["rss_mib_max"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
        usage["hiccups"] = self._meter.report()
        if len(self._marks) == 2:
            (began, cpu_then, spun_then), (ended, cpu_now, spun_now) = self._marks
            cpu_s, spin_s = cpu_now - cpu_then, (spun_now - spun_then) / 1e9
            usage["cpu_s"], usage["spin_s"] = round(cpu_s, 4), round(spin_s, 4)
            usage["busy_share"] = round(max(0.0, cpu_s - spin_s) / ((ended - began) / 1e9), 4)
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
                "t": round(since_ns / 1e9, 3),
                "counts": delta,
                "gauges": sample.get("gauges", {}),
                "cpu_s": round(cpu - self._cpu_said, 4),
                "histograms": sample["histograms"],
            }
        )
        self._cpu_said = cpu
