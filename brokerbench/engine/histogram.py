"""Latency counts in numpy, in HdrHistogram's own layout (3 significant digits, unit 1 ns).

A float64's exponent and top ten mantissa bits are that layout's bucket and sub-bucket, so a whole batch is
indexed with one conversion and one shift. Source of the layout: HdrHistogram, countsArrayIndex.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "Histogram", "bin_value", "bins_of"]

_HALF = 1024  # sub-buckets in each power of two: relative width below 0.1 %
_BIAS = ((1023 + 10) << 10) - _HALF
BINS = 38 * _HALF  # up to 2^47 ns, 39 hours


def bins_of(values_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bin of each value; values below 2048 ns have a bin of their own, larger ones share it within 0.1 %."""
    bins: NDArray[np.int64] = values_ns.astype(np.float64).view(np.int64) >> 42
    bins -= _BIAS
    if values_ns.size and values_ns.min() < _HALF:
        bins = np.where(values_ns < _HALF, np.maximum(values_ns, 0), bins)
    np.minimum(bins, BINS - 1, out=bins)
    return bins


def bin_value(index: int) -> int:
    """The lowest value (ns) of a bin: what HdrHistogram calls valueFromIndex."""
    if index < 2 * _HALF:
        return index
    bucket, sub = divmod(index, _HALF)
    return (sub + _HALF) << (bucket - 1)


class Histogram:
    """Counts since the last `take`. A negative latency is counted apart and shown; its bin is 0."""

    def __init__(self) -> None:
        self._counts = np.zeros(BINS, np.int64)
        self.negative = 0

    def record(self, values_ns: NDArray[np.int64]) -> None:
        if not values_ns.size:
            return
        bins = bins_of(values_ns)
        low = int(bins.min())
        counts = np.bincount(bins - low)
        self._counts[low : low + len(counts)] += counts
        if low == 0:
            self.negative += int(np.count_nonzero(values_ns < 0))

    def take(self) -> list[list[int]]:
        """[bins, counts] of what came since the last call, for the wire; both empty if nothing did."""
        at = np.flatnonzero(self._counts)
        out = [at.tolist(), self._counts[at].tolist()]
        self._counts[at] = 0
        return out
