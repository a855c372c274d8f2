"""Percentiles as they are printed: only those the sample supports, and honest about messages that never came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brokerbench.model import REPLIES

from .folder import TrialFiles
from .histograms import Histogram, merge

__all__ = ["METRICS", "QUANTILES", "Sample", "figures", "is_of", "sample_of", "together"]

METRICS = ("send_delay", "confirm", "end_to_end", "response", "service")
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
_BEYOND = 10  # a percentile needs at least this many values beyond it


@dataclass(frozen=True)
class Sample:
    """What was recorded, and how many more were owed a value and never got one (`absent`).

    Each absent one had waited at least `waited_ms` when the trial stopped looking.
    """

    histogram: Histogram
    absent: int = 0
    waited_ms: float = 0.0

    @property
    def size(self) -> int:
        return self.histogram.total + self.absent

    def supports(self, quantile: float) -> bool:
        return self.size * (1 - quantile) >= _BEYOND - 1e-9

    def bound_ms(self) -> float:
        """An absent value comes after every recorded one, and after the wait."""
        return max(self.waited_ms, self.histogram.max_ms() or 0.0)


def sample_of(files: TrialFiles, metric: str, group: str | None = None) -> Sample | None:
    """The trial's sample of one metric (all groups, or one); None where no value was recorded and none was owed.

    Where all were owed and none came, every figure is a lower bound: without them the trials that lost most would drop
    out, and a candidate would be told by its better ones.
    """
    if metric == "response":
        return sample_of(files, "end_to_end", REPLIES) if files.answered else None
    tags = [tag for tag in files.latency if is_of(files, tag, metric, group)]
    histogram = merge(i.histogram for tag in tags for i in files.latency[tag])
    absent = _absent(files, metric, group)
    if not histogram.total and not absent:
        return None
    return Sample(histogram, absent, 1000 * float(files.trial["phases"].get("drain_s") or 0.0))


def is_of(files: TrialFiles, tag: str, metric: str, group: str | None = None) -> bool:
    """Whether this tag of the log is of the metric (and group). A reply has gone both ways: it is a `response`, and of
    `end_to_end` only where its group is asked for."""
    kind, _, of = tag.partition(":")
    if metric == "response":
        return files.answered and tag == f"end_to_end:{REPLIES}"
    if files.answered and group is None and of == REPLIES:
        return False
    return kind == metric and group in (None, of)


def together(samples: Sequence[Sample | None]) -> Sample | None:
    """One sample out of many: counts added; the weakest wait holds for all."""
    there = [s for s in samples if s is not None]
    if not there:
        return None
    waits = [s.waited_ms for s in there if s.absent]
    return Sample(merge(s.histogram for s in there), sum(s.absent for s in there), min(waits, default=0.0))


def figures(sample: Sample | None) -> dict[str, Any] | None:
    """The figures of summary.json. A percentile among the absent is its lower bound, and `at_least` is true."""
    if sample is None:
        return None
    values = sample.histogram.quantiles_ms(list(QUANTILES.values()), sample.absent)
    out: dict[str, Any] = {"count": sample.size, "absent": sample.absent}
    out["mean"] = None if sample.absent else sample.histogram.mean_ms()
    first_bound = None
    for (name, quantile), value in zip(QUANTILES.items(), values, strict=True):
        if not sample.supports(quantile):
            out[name] = None
        elif value is None:
            first_bound = first_bound or name
            out[name] = sample.bound_ms()
        else:
            out[name] = value
    out["max"] = sample.bound_ms() if sample.absent else sample.histogram.max_ms()
    # `at_least_from`: this figure and the ones after it are lower bounds.
    out["at_least"] = sample.absent > 0
    out["at_least_from"] = first_bound or ("max" if sample.absent else None)
    return out


def _absent(files: TrialFiles, metric: str, group: str | None) -> int:
    windows: list[Mapping[str, int]] = [p["in_window"] for p in files.trial.get("producers", ())]
    if metric == "end_to_end":
        lost = files.ledger.get("lost_in_window") or {}
        return sum(int(n) for g, n in lost.items() if is_of(files, f"end_to_end:{g}", metric, group))
    if metric == "service" and files.answered:
        if metric not in files.latency:
            return 0
        return sum(p["in_window"]["sent"] - p.get("replied_in_window", 0) for p in files.trial["producers"])
    if (metric == "confirm" and files.confirms) or (metric == "service" and metric in files.latency):
        return sum(max(0, w["sent"] - w["confirmed"] - w["refused"]) for w in windows)
    return 0
