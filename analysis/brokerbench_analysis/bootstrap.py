"""The BCa bootstrap interval of a mean: it follows a lopsided sample, which Student's t takes for an even one.

Sources: B. Efron, Better bootstrap confidence intervals, Journal of the American Statistical Association 82 (1987);
B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 14.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["bca"]

RESAMPLES = 9_999


def bca(values: Sequence[float], alpha: float, seed: int) -> tuple[float, float, float]:
    """Ends of the two-sided 1 - alpha interval of the mean, and the p of mean = 0.

    The values must differ by more than rounding. p is the alpha at which an end of the interval lies at 0; it is no
    smaller than the resamples can show.
    """
    from scipy.special import ndtr, ndtri

    sample = np.asarray(values, np.float64)
    means = _weights(len(sample), seed) @ sample

    def z_below(point: float) -> float:
        """The normal quantile of the share of resampled means below `point`; half of those at it."""
        share = (np.count_nonzero(means < point) + np.count_nonzero(means <= point)) / 2 / RESAMPLES
        return float(ndtri(min(max(share, 1 / (RESAMPLES + 1)), RESAMPLES / (RESAMPLES + 1))))

    bias, bend = z_below(float(sample.mean())), _acceleration(sample)
    reach = bias + ndtri([alpha / 2, 1 - alpha / 2])
    low, high = np.quantile(means, ndtr(bias + reach / (1 - bend * reach)))
    at_zero = z_below(0.0) - bias
    p = 2 * float(ndtr(-abs(at_zero / (1 + bend * at_zero) - bias)))
    return float(low), float(high), p


def _acceleration(sample: NDArray[np.float64]) -> float:
    """From the jackknife; for a mean, leaving a value out moves it by that value's distance from the mean."""
    away = sample - sample.mean()
    return float((away**3).sum() / (6 * math.pow(float((away**2).sum()), 1.5)))


@lru_cache(maxsize=8)
def _weights(count: int, seed: int) -> NDArray[np.float64]:
    """How often each resample draws each value, as shares; the same for every pair of a run, so cheap for many."""
    rng = np.random.default_rng([seed, count])
    return rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES) / count
