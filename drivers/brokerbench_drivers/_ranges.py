"""Single answers, in whatever order they came, as the ranges that `Confirms` carries."""

from collections.abc import Sequence

import numpy as np

from brokerbench.contract import NO_CONFIRMS, Confirms, Fate

__all__ = ["confirms_of"]


def confirms_of(confirmed: Sequence[int], refused: Sequence[int]) -> Confirms:
    """Ordinals -> ranges without gaps, each fate apart."""
    if not confirmed and not refused:
        return NO_CONFIRMS
    ranges = [
        _ranges(ordinals, fate) for ordinals, fate in ((confirmed, Fate.CONFIRMED), (refused, Fate.REFUSED)) if ordinals
    ]
    if len(ranges) == 1:
        return ranges[0]
    first, last, fate = (
        np.concatenate(columns) for columns in zip(*((r.first, r.last, r.fate) for r in ranges), strict=True)
    )
    return Confirms(first, last, fate)


def _ranges(ordinals: Sequence[int], fate: Fate) -> Confirms:
    numbers = np.array(ordinals, np.int64)
    numbers.sort()
    breaks = np.flatnonzero(np.diff(numbers) != 1)
    first = numbers[np.concatenate(([0], breaks + 1))]
    last = numbers[np.concatenate((breaks, [len(numbers) - 1]))]
    return Confirms(first, last, np.full(len(first), fate.value, np.uint8))
