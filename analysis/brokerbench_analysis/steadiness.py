"""Was the measured window one steady state? A figure of a window that drifts depends on how long one looked.

A drift is reported where it is both certain and large. Certain: H. Mann's test for a trend (Econometrica 13, 1945; M.
Kendall, Rank Correlation Methods, 1975), which asks nothing of the noise but its independence; where the seconds lean
on each other its variance is widened after S. Yue and C. Wang (Water Resources Management 18, 2004). Large: the slope
is the median of all pairwise slopes (H. Theil 1950; P. K. Sen, JASA 63, 1968), so one odd second moves nothing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .folder import Json, TrialFiles
from .pace import lost_a_second
from .reasons import Reason, State
from .seconds import Second
from .words import digits, percent

__all__ = ["LEAST_SECONDS", "Steadiness", "Trend", "steadiness", "trend_of"]

LEAST_SECONDS = 4  # the two halves of a window are compared from two seconds each on
TREND_SECONDS = 6  # fewer values cannot reach the level below
_MOST = 300  # a longer series is averaged over stretches: pairs grow with the square
ALPHA = 0.01
THROUGHPUT, MEDIAN = 0.05, 0.20  # change over the window from which a drift is reported
UNSTEADY = 0.10
_COUNTING = 2.58  # standard errors: 99 % of a Poisson count's own scatter lies within

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Steadiness:
    """`state` is None where the window was too short to tell, or was asked not to be steady."""

    state: str | None = None
    reasons: tuple[Reason, ...] = ()

    def record(self) -> Json:
        return {"state": self.state, "reasons": [reason.text for reason in self.reasons]}


@dataclass(frozen=True)
class Trend:
    """`change`: by the slope, from the first second to the last. `p`: of a series without a trend."""

    change: float
    p: float


def steadiness(files: TrialFiles, steady: Sequence[Second], growing: Sequence[Reason]) -> Steadiness:
    """`growing`: what there is to say of the backlog. Where it grows, so does latency, and that is no news."""
    delivered = _column(steady, "delivered")
    if len(delivered) < LEAST_SECONDS or files.varies:
        return Steadiness()
    found = [*_halves(files, delivered), *_throughput(files, delivered)][:1]
    if growing:
        found += growing if files.model == "open" else ()
    else:
        found += _median(_column(steady, "response_p50_ms" if files.answered else "end_to_end_p50_ms"))
    settled = {"not-steady", "backlog-growing"}
    state = "steady" if not found else "not steady" if settled & {r.code for r in found} else "drifting"
    return Steadiness(state, tuple(found))


def _halves(files: TrialFiles, delivered: Floats) -> Iterator[Reason]:
    half = len(delivered) // 2
    first, last = float(delivered[:half].mean()), float(delivered[-half:].mean())
    # What was lost is missing from one half or the other; that is the ledger's to tell.
    chance = _COUNTING * math.sqrt((first + last) / half)
    if abs(last - first) - 2 * lost_a_second(files) - chance > UNSTEADY * max(first, last):
        text = f"not steady: {digits(first, 3)} msg/s in the first half of the measured window"
        text += f", {digits(last, 3)} in the second (more than {percent(UNSTEADY)} apart)"
        yield Reason("not-steady", text, State.SUSPECT)


def _throughput(files: TrialFiles, delivered: Floats) -> Iterator[Reason]:
    trend, mean = trend_of(delivered), float(delivered.mean())
    if trend is None or not mean:
        return
    change = trend.change / mean
    share = abs(change) - 2 * lost_a_second(files) / mean
    if trend.p < ALPHA and share > THROUGHPUT:
        code = "not-steady" if share > UNSTEADY else "drifting"
        text = (
            f"{code.replace('-', ' ')}: throughput {_went(change)} by {percent(abs(change))} over the measured window"
        )
        yield Reason(code, f"{text} (more than {percent(THROUGHPUT)})", State.SUSPECT)


def _median(p50_ms: Floats) -> Iterator[Reason]:
    """On logs: latencies vary by factors."""
    trend = trend_of(np.log(p50_ms[p50_ms > 0]))
    if trend is not None and trend.p < ALPHA and abs(trend.change) > math.log1p(MEDIAN):
        change = math.expm1(trend.change)
        text = f"drifting: the median end-to-end latency {_went(change)} by {percent(abs(change))}"
        yield Reason("drifting", f"{text} over the measured window (more than {percent(MEDIAN)})", State.SUSPECT)


def trend_of(values: Floats) -> Trend | None:
    """Of a series of equal steps; None where it is too short for the level."""
    if len(values) < TREND_SECONDS:
        return None
    stretch = -(-len(values) // _MOST)
    values = values[: len(values) // stretch * stretch].reshape(-1, stretch).mean(axis=1)
    n = len(values)
    early, late = np.triu_indices(n, 1)
    rises = values[late] - values[early]
    slope = float(np.median(rises / (late - early)))
    score = float(np.sign(rises).sum())
    ties = np.unique(values, return_counts=True)[1]
    variance = _pairs(n) - float(sum(_pairs(int(t)) for t in ties))
    if variance <= 0:
        return Trend(0.0, 1.0)
    variance *= _dependence(values - slope * np.arange(n))
    z = max(abs(score) - 1, 0.0) / math.sqrt(variance)
    return Trend(slope * (n - 1), math.erfc(z / math.sqrt(2)))


def _pairs(n: int) -> float:
    """The variance of Kendall's score over n values in random order."""
    return n * (n - 1) * (2 * n + 5) / 18


def _dependence(rest: Floats) -> float:
    """How much wider the score scatters where each value leans on the one before it: (1 + r) / (1 - r).

    r is the correlation of neighbours in what the trend leaves. A short series from which a line was taken shows too
    little of it, by (2 + 4r) / n (F. Marriott and J. Pope, Biometrika 41, 1954).
    """
    n = len(rest)
    rest = rest - rest.mean()
    spread = float(np.dot(rest, rest))
    r = float(np.dot(rest[1:], rest[:-1])) / spread if spread else 0.0
    r = min(max(r + (2 + 4 * r) / n, 0.0), 0.95)
    return (1 + r) / (1 - r)


def _column(steady: Sequence[Second], name: str) -> Floats:
    return np.array([float(row[name] or 0.0) for row in steady if row[name] is not None])


def _went(change: float) -> str:
    return "rose" if change > 0 else "fell"
