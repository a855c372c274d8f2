"""Latency against load, where a run has more than one: trials of several rates, or steady stages of one trial.

A stage's latencies are those recorded in its seconds: the first is left out, in which the stage before still arrives.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .candidates import Candidate
from .folder import TrialFiles
from .histograms import Histogram, merge
from .latency import Sample
from .measure import Measured
from .study import Study

__all__ = ["STEEP", "Point", "by_load", "knee"]

P99 = 0.99
_EDGE = 0.05  # s: an interval may end a little late
STEEP = 2.0  # times, from one load to the next


@dataclass(frozen=True)
class Point:
    """`p99_ms`: of all valid trials' histograms merged; `each`: of each of them, in the order of blocks. `doubtful`:
    no trial is valid, and these are of invalid ones."""

    rate_msgs_s: float
    p99_ms: float
    each: tuple[float, ...]
    doubtful: bool = False


def by_load(study: Study) -> dict[str, list[Point]]:
    """Candidate -> its points by rising rate, end to end; empty where nobody has two of them."""
    stages = _stages(study.run["scenario"]["load"])
    found = {c.name: _points(c, stages) for c in study.candidates if c.counted}
    return {name: points for name, points in found.items() if points} if any(len(p) > 1 for p in found.values()) else {}


def knee(points: Sequence[Point]) -> Point | None:
    """The last one before the p99 is STEEP times as high, or higher, at the next; None where it never is."""
    steep = (a for a, b in pairwise(points) if b.p99_ms >= STEEP * a.p99_ms)
    return next(steep, None)


def _stages(load: Mapping[str, object]) -> list[tuple[float, float, float]]:
    """Begin, end and rate of each steady stage of an open load, in seconds since t0; empty for one rate alone."""
    stages, at = [], float(str(load["warmup_s"]))
    listed = load["stages"]
    for stage in listed if isinstance(listed, list) else ():
        length = next((float(v) for k, v in stage.items() if k in _LENGTHS and v is not None), None)
        if length is None:
            return []
        if stage.get("steady_s") and stage.get("rate_msgs_s"):
            stages.append((at, at + length, float(stage["rate_msgs_s"])))
        at += length
    return stages if len({rate for *_, rate in stages}) > 1 else []


_LENGTHS = ("steady_s", "ramp_s", "spike_s", "day_s")


def _points(candidate: Candidate, stages: Sequence[tuple[float, float, float]]) -> list[Point]:
    found: dict[float, list[Histogram]] = {}
    for trial in candidate.usable or candidate.counted:
        for rate, histogram in _of_trial(trial, stages):
            found.setdefault(rate, []).append(histogram)
    points = []
    for rate, histograms in sorted(found.items()):
        whole, each = _p99(merge(histograms)), [_p99(one) for one in histograms]
        if whole is not None:
            points.append(Point(rate, whole, tuple(value for value in each if value is not None), not candidate.usable))
    return points


def _of_trial(trial: Measured, stages: Sequence[tuple[float, float, float]]) -> Iterator[tuple[float, Histogram]]:
    if stages:
        for begin, end, rate in stages:
            yield rate, _between(trial.files, begin + 1, end)
    elif (rate := trial.record["load"].get("rate_msgs_s")) is not None and trial.samples.get("end_to_end"):
        sample = trial.samples["end_to_end"]
        if sample is not None and not sample.absent:
            yield float(rate), sample.histogram


def _between(files: TrialFiles, begin: float, end: float) -> Histogram:
    kept = [
        interval.histogram
        for tag, intervals in files.latency.items()
        if tag.startswith("end_to_end")
        for interval in intervals
        if begin - _EDGE <= interval.start_s and interval.start_s + interval.length_s <= end + _EDGE
    ]
    return merge(kept)


def _p99(histogram: Histogram) -> float | None:
    return histogram.quantiles_ms([P99])[0] if Sample(histogram).supports(P99) else None
