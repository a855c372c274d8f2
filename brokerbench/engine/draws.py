"""Durations drawn at random, as a scenario says: think times of users, processing times of consumers."""

import numpy as np
from numpy.typing import NDArray

from brokerbench.model import Think

__all__ = ["drawn_ns"]

_S = 1_000_000_000


def drawn_ns(think: Think, chance: np.random.Generator, count: int) -> NDArray[np.int64]:
    """The next `count` of them."""
    if think.uniform is not None:
        drawn = chance.uniform(think.uniform.from_s, think.uniform.to_s, count)
    elif think.exponential_s is not None:
        drawn = chance.exponential(think.exponential_s, count)
    else:
        drawn = np.full(count, think.fixed_s)
    return (drawn * _S).astype(np.int64)
