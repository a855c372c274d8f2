"""The figures that a scenario may name (`primary`, `slo`), and how each is read, compared and worded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .words import digits

__all__ = [
    "EXPLORED",
    "FIGURES",
    "Metric",
    "Reading",
    "is_bound",
    "metric",
    "spread",
    "told",
    "value_of",
    "whole_way",
    "with_margin",
]

_LATENCIES = {
    "end_to_end": "end-to-end",
    "response": "response",
    "confirm": "confirm",
    "send_delay": "send delay",
    "service": "service",
}
_FIGURES = {"mean": "mean", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p99_9": "p99.9", "max": "maximum"}
FIGURES = tuple(_FIGURES)  # of a latency, in the order in which messages that never came reach them
_COUNTS = (
    "lost",
    "duplicates",
    "redelivered",
    "reordered",
    "foreign",
    "corrupt",
    "outstanding",
    "recovered",
    "unknown",
    "refused",
)
_RATES = {
    "delivered_msgs_s": "throughput",
    "confirmed_msgs_s": "confirmed rate",
    "fill_msgs_s": "fill rate",
    "drain_msgs_s": "drain rate",
}
_COSTS = {
    "broker_cpu": ("broker_cpu_s_per_million", "broker CPU seconds per million messages"),
    "generator_cpu": ("generator_cpu_s_per_million", "generator CPU seconds per million messages"),
    "broker_memory": ("broker_rss_mib_max", "broker memory"),
    "flushes": ("flushes_per_confirmed", "disk flushes per confirmed message"),
}
Reading = tuple[float, bool]  # a figure, and whether it is only a lower bound
EXPLORED = (
    "delivered_msgs_s",
    "end_to_end.p50",
    "end_to_end.p99",
    "response.p50",
    "response.p99",
    "confirm.p99",
    "broker_cpu",
    "broker_memory",
)


@dataclass(frozen=True)
class Metric:
    name: str
    words: str
    unit: str
    path: tuple[str, ...]  # where it stands in a trial's record
    higher_is_better: bool = False
    margin: float = 0.10  # a difference below it is none, for practice

    def better(self, ratio: float) -> bool:
        """Whether a is better than b, where ratio = a / b."""
        return ratio > 1 if self.higher_is_better else ratio < 1


def metric(name: str) -> Metric:
    """Raises ValueError for a name that no trial's record has."""
    kind, _, figure = name.partition(".")
    figure = figure.replace(".", "_")
    if kind in _LATENCIES and figure in _FIGURES:
        return Metric(name, f"{_LATENCIES[kind]} {_FIGURES[figure]}", "ms", (f"{kind}_ms", figure))
    name = "delivered_msgs_s" if name == "throughput" else name
    if name in _RATES:
        return Metric(name, _RATES[name], "msg/s", (name,), higher_is_better=True, margin=0.05)
    if name in _COUNTS:
        return Metric(name, f"{name} messages", "", ("ledger", name))
    if name in _COSTS:
        path, words = _COSTS[name]
        return Metric(name, words, "MiB" if name == "broker_memory" else "", ("resources", path))
    known = ", ".join(("end_to_end.p99", *_RATES, *_COUNTS, *_COSTS))
    raise ValueError(f"{name!r} is no figure of a trial; known are {known}")


def whole_way(record: Mapping[str, Any]) -> str:
    """The latency that stands for a trial: of the whole way from the intended time to the last receipt."""
    return "response" if record.get("response_ms") else "end_to_end"


def with_margin(of: Metric, margins: Mapping[str, float] | None) -> Metric:
    """`margins`: the scenario's own, as shares, for rates (`throughput`) and for times (`latency`)."""
    kind = "throughput" if of.higher_is_better else "latency" if of.unit == "ms" else None
    return replace(of, margin=(margins or {}).get(kind or "") or of.margin)


def value_of(record: Mapping[str, Any], of: Metric) -> tuple[float | None, bool]:
    """The figure in a trial's record (or a candidate's merged one), and whether it is only a lower bound."""
    here: Any = record
    for step in of.path[:-1]:
        here = here.get(step)
        if here is None:
            return None, False
    found = here.get(of.path[-1])
    bound = of.unit == "ms" and found is not None and is_bound(here, of.path[-1])
    return (None if found is None else float(found)), bound


def told(value: float | None, at_least: bool, of: Metric) -> str:
    """In a sentence, with its unit."""
    number = digits(value, 4 if of.higher_is_better else 3)
    return f"{'at least ' if at_least else ''}{number}{f' {of.unit}' if of.unit else ''}"


def is_bound(latency: Mapping[str, Any], figure: str) -> bool:
    """Whether this figure of a latency's record is at least so high: `at_least_from` and all behind it are."""
    since = latency.get("at_least_from")
    return since is not None and FIGURES.index(figure) >= FIGURES.index(since)


def spread(readings: Sequence[Reading]) -> tuple[Reading, Reading]:
    """Lowest and highest of at least one. Any lower bound among them makes the highest one: it may lie beyond."""
    return min(readings), (max(readings)[0], any(bound for _, bound in readings))
