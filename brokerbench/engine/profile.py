"""A rate that changes: how many messages are intended up to a moment, and when the n-th of them is.

The profile is a chain of segments, in each of which the rate goes in a straight line from one value to another. With
rate a at its begin and slope s, n(t) = a t + s t^2 / 2; solved for t that is 2 n / (a + sqrt(a^2 + 2 s n)), which
holds for s = 0 too. After the last segment its end rate goes on. No rate is 0.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from brokerbench.model import Segment

__all__ = ["Profile"]

_S = 1_000_000_000
_FOR_EVER_S = 1e7


class Profile:
    """Numbers of messages are floats: where arrivals are random the n-th one stands at no whole number."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        last = segments[-1][2]
        table = np.array([*segments, (_FOR_EVER_S, last, last)], dtype=np.float64)
        lengths, self._rates, ends = table.T
        self._slopes = (ends - self._rates) / lengths
        self._starts_s = np.concatenate(([0.0], np.cumsum(lengths)[:-1]))
        self._counts = np.concatenate(([0.0], np.cumsum((self._rates + ends) / 2 * lengths)[:-1]))
        self.peak_msgs_s = float(max(self._rates.max(), ends.max()))

    def count(self, now_ns: int) -> float:
        """How many messages are intended by then."""
        # Times are rounded to whole ns, so all up to half a ns later are intended by then.
        at_s = (now_ns + 0.5) / _S
        i = int(np.searchsorted(self._starts_s, at_s, side="right")) - 1
        since = at_s - float(self._starts_s[i])
        return float(self._counts[i] + self._rates[i] * since + self._slopes[i] * since * since / 2)

    def times_ns(self, counts: NDArray[np.float64]) -> NDArray[np.int64]:
        """When so many messages have been intended; `counts` ascend."""
        first, last = np.searchsorted(self._counts, counts[[0, -1]], side="right") - 1 if len(counts) else (0, 0)
        # A batch nearly always lies in one segment, and looking up each message's own would be most of the cost.
        i = first if first == last else np.searchsorted(self._counts, counts, side="right") - 1
        n, rate, slope = counts - self._counts[i], self._rates[i], self._slopes[i]
        since_s = (
            n / rate if np.ndim(slope) == 0 and slope == 0 else 2 * n / (rate + np.sqrt(rate * rate + 2 * slope * n))
        )
        # Half a ns more, so that cutting to whole ns rounds.
        times: NDArray[np.int64] = ((self._starts_s[i] + since_s) * _S + 0.5).astype(np.int64)
        return times
