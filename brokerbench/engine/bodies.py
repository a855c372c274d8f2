"""Payload bodies: a seeded pool of distinct payloads, larger than any compressor's window, so that no codec or
deduplicating store is flattered, and any received body can be compared byte for byte without having been kept."""

import numpy as np
from numpy.typing import NDArray

from brokerbench.model import STAMP_BYTES

__all__ = ["POOL_BYTES", "Bodies"]

POOL_BYTES = 16 * 2**20  # zstd's default window is 2 MiB, brotli's 4 MiB, xz's 8 MiB
_STRIDE = 9973  # producers start at different rows


class Bodies:
    """Rows of `size_bytes`; message (producer, sequence) has row `(sequence + producer * 9973) % rows`."""

    def __init__(self, seed: int, size_bytes: int) -> None:
        self.rows = max(4, -(-POOL_BYTES // size_bytes))
        pool = np.frombuffer(bytearray(np.random.default_rng(seed).bytes(self.rows * size_bytes)), np.uint8)
        self._pool: NDArray[np.uint8] = pool.reshape(self.rows, size_bytes)

    def block(self, producer: int, sequence: int, count: int) -> NDArray[np.uint8]:
        """Rows for up to `count` messages, contiguous, to be stamped in place; fewer at the pool's end."""
        at = (sequence + producer * _STRIDE) % self.rows
        return self._pool[at : at + count]

    def same(self, producer: int, sequence: int, payload: bytes | NDArray[np.uint8]) -> bool:
        """Whether a received payload's body is what was sent."""
        row = self._pool[(sequence + producer * _STRIDE) % self.rows]
        return bool(bytes(payload[STAMP_BYTES:]) == row[STAMP_BYTES:].tobytes())
