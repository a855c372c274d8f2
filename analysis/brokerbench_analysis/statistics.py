"""Intervals and tests on trials, the unit of this analysis. Latencies and rates vary by factors, so all is on logs.

Sources: Student's t interval for paired differences; S. Holm, A simple sequentially rejective multiple test procedure,
Scandinavian Journal of Statistics 6 (1979). For the bootstrap see `bootstrap`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .bootstrap import bca

__all__ = ["ALPHA", "FURTHEST", "GRAIN", "Estimate", "holm_levels", "log_ratio", "mean_interval", "ratio_of"]

ALPHA = 0.05
# A bootstrap of fewer has too few different resamples to say anything about its tails.
LEAST_FOR_BOOTSTRAP = 15
# Of a log ratio and its interval: that of two blocks which disagree is wider than a float can hold. e^20 is half a
# billion.
FURTHEST = 20.0
# The variance of a figure's log that its own grain makes: anywhere in a histogram's bin, which is 0.1 % wide. Trials
# that agree better agree by chance: two alike are no certainty.
GRAIN = 0.001**2 / 12


@dataclass(frozen=True)
class Estimate:
    """A ratio (or a level) with its interval; `p` is of the hypothesis that it is 1. None below two values."""

    value: float
    low: float | None
    high: float | None
    p: float | None
    n: int
    method: str = "t"  # or "t and BCa"


def mean_interval(values: Sequence[float], alpha: float = ALPHA, seed: int = 0) -> Estimate:
    """The mean of `values`, log ratios, with its two-sided 1 - alpha interval; p tests mean = 0.

    From 15 values on the BCa bootstrap is made too, and of both the wider end counts. Alone it is too narrow for few
    values: it knows neither the n - 1 nor the heavier tails that t has (T. Hesterberg, What teachers should know about
    the bootstrap, The American Statistician 69, 2015), and at 15 would call 8 % of equal pairs different, not 5 %.
    """
    spread = _variance(values)
    found = _student(values, max(spread, 2 * GRAIN), alpha)
    if found.n < LEAST_FOR_BOOTSTRAP or found.low is None or found.high is None or spread < 2 * GRAIN:
        return found
    low, high, p = bca(values, alpha, seed)
    low, high, p = min(low, found.low), max(high, found.high), max(p, found.p or 0.0)
    return replace(found, low=low, high=high, p=p, method="t and BCa")


def _variance(values: Sequence[float]) -> float:
    """Of a sample; 0 for a single value. In two passes, so that nothing cancels: the standard library's adds fractions,
    which took two thirds of the time of all comparisons."""
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _student(values: Sequence[float], spread: float, alpha: float) -> Estimate:
    """`spread` is the variance of one value."""
    from scipy.special import stdtr, stdtrit

    n = len(values)
    mean = math.fsum(values) / n
    if n < 2:
        return Estimate(mean, None, None, None, n)
    error = math.sqrt(spread / n)
    reach = float(stdtrit(n - 1, 1 - alpha / 2)) * error
    return Estimate(mean, mean - reach, mean + reach, 2 * float(stdtr(n - 1, -abs(mean / error))), n)


def log_ratio(pairs: Sequence[tuple[float, float]], alpha: float = ALPHA, seed: int = 0) -> Estimate | None:
    """The geometric mean of a / b over paired trials with its interval. None where a value is not above zero."""
    if not pairs or any(a <= 0 or b <= 0 for a, b in pairs):
        return None
    return ratio_of(mean_interval([math.log(a / b) for a, b in pairs], alpha, seed))


def ratio_of(logs: Estimate) -> Estimate:
    """The ratio whose log was estimated; no end of it beyond what a float can hold."""
    low, high = (None if end is None else _exp(end) for end in (logs.low, logs.high))
    return replace(logs, value=_exp(logs.value), low=low, high=high)


def _exp(log: float) -> float:
    return math.exp(max(-FURTHEST, min(FURTHEST, log)))


def holm_levels(p_values: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """The level for each comparison's interval: an interval at it excludes 1 exactly where Holm's procedure rejects."""
    levels = [alpha] * len(p_values)
    stopped: float | None = None
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        level = stopped if stopped is not None else alpha / (len(p_values) - place)
        levels[i] = level
        if p_values[i] > level:
            stopped = level
    return levels
