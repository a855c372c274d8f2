"""What a trial looks like while it runs, from what its children have told by themselves: once a second, in arrays.

Nothing is asked of anybody for it. These figures are for watching; those of the page come from the files.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brokerbench.model import STEAL_MOST, THROTTLED_MOST
from brokerbench_analysis.histograms import Histogram, merge
from brokerbench_analysis.pace import DELIVERED_SHARE

__all__ = ["Moment", "Watch"]

_CHILDREN_TELL_S = 0.2  # after each full second of theirs: they look at the clock every 50 ms
_NS = 1_000_000_000


@dataclass(frozen=True)
class Moment:
    """The second that has just passed. None: not measured (no rate is asked, the warm-up has no latencies ...)."""

    at_s: float  # since t0
    phase: str  # warm-up, measuring, draining
    asked_msgs_s: float | None
    sent_msgs_s: float
    delivered_msgs_s: float  # the mean over groups
    latency: str  # which one: end-to-end, or response where requests are answered
    p50_ms: float | None
    p99_ms: float | None
    backlog: int
    errors: Mapping[str, int]  # so far: what went wrong -> how often
    broker_cpu: float | None  # cores
    generator_cpu: float | None
    objections: Sequence[str]  # so far: what may cost the trial its validity


class Watch:
    """One trial's load. `look` is called at every beat, and tells nothing but once a second."""

    def __init__(self, load: Mapping[str, Any], *, warmup_s: float, measure_s: float, asks: bool) -> None:
        """`load`: the engine's, of the moment at which the load began; `asks`: whether a rate is asked."""
        self._t0: int = load["t0_ns"]
        self._children: Sequence[Any] = load["children"]
        self._resources: Sequence[Mapping[str, Any]] = load["resources"]
        self._warmup_s, self._end_s, self._asks = warmup_s, warmup_s + measure_s, asks
        self._next = self._t0 + int((1 + _CHILDREN_TELL_S) * _NS)
        self._heard: dict[int, int] = {}  # child -> how many of its intervals
        self._rates: dict[tuple[int, str], float] = {}  # child, counter -> messages a second, as last told
        self._sums: defaultdict[str, int] = defaultdict(int)
        groups = {child.spec.group for child in self._children if child.spec.group}
        self._groups, self._answered = len(groups) or 1, any(child.spec.replies for child in self._children)

    def look(self, now_ns: int) -> Moment | None:
        """Something new, or None."""
        if now_ns < self._next:
            return None
        self._next += ((now_ns - self._next) // _NS + 1) * _NS  # after a stall no burst
        histograms = [found for number, child in enumerate(self._children) for found in self._hear(number, child)]
        p50, p99 = merge(histograms).quantiles_ms([0.5, 0.99])
        cpu = _cpu(self._resources)
        at_s = float((now_ns - self._t0) // _NS)  # the end of the second that they told of
        return Moment(
            at_s=at_s,
            phase="warm-up" if at_s <= self._warmup_s else "measuring" if at_s <= self._end_s else "draining",
            asked_msgs_s=self._rate("scheduled") if self._asks else None,
            sent_msgs_s=self._rate("sent"),
            delivered_msgs_s=round(self._rate("unique") / self._groups, 1),
            latency="response" if self._answered else "end-to-end",
            p50_ms=p50,
            p99_ms=p99,
            backlog=max(0, self._due() - self._sums["unique"] // self._groups),
            errors=self._errors(),
            broker_cpu=cpu.get("broker"),
            generator_cpu=cpu.get("generator"),
            objections=tuple(self._objections()),
        )

    def _hear(self, number: int, child: Any) -> Iterable[Histogram]:
        """What this child told since the last look; returns the latencies of the whole way."""
        heard = self._heard.get(number, 0)
        fresh = child.intervals[heard:]
        if not fresh:
            return []
        before_s = child.intervals[heard - 1]["t"] if heard else 0.0
        length_s = max(fresh[-1]["t"] - before_s, 1e-3)
        self._heard[number] = heard + len(fresh)
        for name in fresh[-1]["counts"]:
            count = sum(interval["counts"].get(name, 0) for interval in fresh)
            self._sums[name] += count
            self._rates[number, name] = count / length_s
        if child.spec.replies:  # a request is half way there: what counts is the reply
            return []
        told = (interval["histograms"].get("end_to_end") for interval in fresh)
        return [Histogram(np.array(bins, np.int64), np.array(counts, np.int64)) for bins, counts in filter(None, told)]

    def _rate(self, name: str) -> float:
        return round(sum(rate for (_, counter), rate in self._rates.items() if counter == name), 1)

    def _due(self) -> int:
        return self._sums["scheduled" if self._asks else "sent"]

    def _errors(self) -> dict[str, int]:
        lost = sum(event["kind"] == "connection-lost" for child in self._children for event in child.events)
        return {name: self._sums[name] for name in ("refused", "foreign", "corrupt")} | {"connections lost": lost}

    def _objections(self) -> Iterable[str]:
        """Those that can be seen already, by the limits that the analysis judges by."""
        due, sent = self._due(), self._sums["sent"]
        if self._asks and due and sent < DELIVERED_SHARE * due:
            yield f"{sent / due:.0%} of the rate asked was sent"
        elif self._asks and self._sums["unique"] / self._groups < DELIVERED_SHARE * (due - self._rate("scheduled")):
            yield "more is waiting than a second brings"
        for name, most, words in (
            ("steal_share", STEAL_MOST, "of the CPU time went to others"),
            ("throttled_s", THROTTLED_MOST, "of the time the CPU quota stopped us"),
        ):
            told = [line["host"][name] for line in self._resources if line["host"].get(name) is not None]
            if told and sum(told) / len(told) > most:
                yield f"{sum(told) / len(told):.0%} {words}"


def _cpu(lines: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Cores, in the last second that the monitor told of; what it did not measure is not there."""
    if not lines:
        return {}
    line = lines[-1]
    length_s = max(line["t"] - (lines[-2]["t"] if len(lines) > 1 else 0.0), 1e-3)
    used = {name: (line.get(name) or {}).get("cpu_s") for name in ("broker", "producers", "consumers")}
    found = {name: round(cpu_s / length_s, 3) for name, cpu_s in used.items() if cpu_s is not None}
    sides = [found.pop(name) for name in ("producers", "consumers") if name in found]
    return found | ({"generator": sum(sides)} if sides else {})
