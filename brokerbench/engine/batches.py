"""Blocks of stamped payloads with their keys, as a producer hands them over: array operations, whatever the sizes."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from brokerbench import stamp
from brokerbench.contract import Batch

from .bodies import Bodies
from .messages import bodies_of, picker_of
from .spec import ChildSpec

__all__ = ["Batches"]

Times = Callable[[int, int], NDArray[np.int64]]  # of so many messages from a sequence on


class Batches:
    """One producer's. A batch is valid until the next one is made."""

    def __init__(self, spec: ChildSpec) -> None:
        self._spec = spec
        self._bodies = bodies_of(spec)
        self._keys = picker_of(spec)
        self._head = stamp.head(spec.tag, spec.index)
        rows = self._bodies.rows if isinstance(self._bodies, Bodies) else 0
        self._iota = np.arange(rows, dtype=np.uint64)
        self._offsets = np.arange(rows + 1, dtype=np.int64) * spec.size_bytes

    def canary(self, number: int) -> Batch:
        """As large as the largest message: what does not come through is then known before the load."""
        size = self._spec.size_bytes
        block = np.zeros((1, size), np.uint8)
        head = stamp.head(self._spec.tag | stamp.CANARY, self._spec.index)
        stamp.write(block, head, np.array([number], np.uint64), np.zeros(1, np.uint64))
        keys = [self._keys.first_name] if self._keys else None
        offsets = np.array([0, size], np.int64)
        return Batch(block.reshape(-1).data, offsets, size if isinstance(self._bodies, Bodies) else 0, 1, keys)

    def make(self, first: int, most: int, times: Times) -> tuple[Batch, NDArray[np.int64]]:
        """Up to `most` messages from sequence `first` on, and when each was intended."""
        bodies = self._bodies
        if not isinstance(bodies, Bodies):
            return self._unlike(bodies.block(self._spec.index, first, most), first, times)
        block = bodies.block(self._spec.index, first, most)
        count = len(block)
        due = times(first, count)
        stamp.write(block, self._head, self._iota[:count] + np.uint64(first), due.view(np.uint64))
        keys = self._keys.of(first, count) if self._keys else None
        return Batch(block.reshape(-1).data, self._offsets[: count + 1], self._spec.size_bytes, count, keys), due

    def _unlike(
        self, block: tuple[NDArray[np.uint8], NDArray[np.int64]], first: int, times: Times
    ) -> tuple[Batch, NDArray[np.int64]]:
        data, offsets = block
        count = len(offsets) - 1
        due = times(first, count)
        sequences = np.arange(first, first + count, dtype=np.uint64)
        stamp.write_at(data, offsets[:-1], self._head, sequences, due.view(np.uint64))
        keys = self._keys.of(first, count) if self._keys else None
        return Batch(data.data, offsets, 0, count, keys), due
