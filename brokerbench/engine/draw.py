"""Sizes of a pool's rows, out of the words of a scenario: its own distribution, as evenly as so many rows allow."""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from brokerbench.model import LOGNORMAL_CUT, STAMP_BYTES, Sizes

from .bodies import POOL_BYTES

__all__ = ["draw_sizes", "rows_of"]

_LEAST_ROWS = 64  # below, a distribution is a caricature
_MOST_BYTES = 256 * 2**20  # in memory, of each process
_FEWEST_ROWS = 4


def rows_of(mean_bytes: float) -> int:
    """As many as make a pool, or a distribution, unless memory is short."""
    least = min(_LEAST_ROWS, int(_MOST_BYTES // mean_bytes))
    return max(_FEWEST_ROWS, least, -int(-POOL_BYTES // mean_bytes))


def draw_sizes(sizes: Sizes, seed: int) -> NDArray[np.int64]:
    """Of all rows, in random order. Row i stands for the i-th of as many equal parts of the distribution, so that not
    chance but the words decide how many large ones there are."""
    assert sizes.mean_bytes is not None
    rows = rows_of(sizes.mean_bytes)
    middles = (np.arange(rows) + 0.5) / rows
    if sizes.uniform is not None:
        least, most = sizes.uniform.from_bytes, sizes.uniform.to_bytes
        drawn = np.floor(least + middles * (most - least + 1))
    elif sizes.lognormal is not None:
        normal = NormalDist()
        z = np.array([normal.inv_cdf(at) for at in (middles * LOGNORMAL_CUT).tolist()])
        drawn = np.rint(sizes.lognormal.median_bytes * np.exp(sizes.lognormal.sigma * z))
    else:
        drawn = _binned(list(sizes.bins()), rows)
    drawn = np.maximum(drawn, STAMP_BYTES).astype(np.int64)
    return np.random.default_rng([seed, 1]).permutation(drawn)


def _binned(bins: list[tuple[int, float]], rows: int) -> NDArray[np.float64]:
    """Each bin has its share of the rows, and one at least."""
    counts = [max(1, round(part * rows)) for _, part in bins]
    return np.repeat([float(size) for size, _ in bins], counts)
