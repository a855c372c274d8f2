"""Payload bodies: a seeded pool of distinct payloads, larger than any compressor's window, so that no codec or
deduplicating store is flattered, and any received body can be compared byte for byte without having been kept.

Which body a message has is a pure function of its producer and sequence, known on both sides."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.model import STAMP_BYTES

__all__ = ["POOL_BYTES", "Bodies", "Tape", "UnlikeBodies", "noise", "save_rows"]

POOL_BYTES = 16 * 2**20  # zstd's default window is 2 MiB, brotli's 4 MiB, xz's 8 MiB
_STRIDE = 9973  # producers start at different rows
_CELL = 256  # compressible noise: so many bytes, of which a share is the same in all cells

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


def noise(seed: int, size: int, compressibility: float = 0.0) -> Bytes:
    """Seeded bytes that no compressor makes smaller, but for this share of them."""
    data = np.frombuffer(bytearray(np.random.default_rng(seed).bytes(size)), np.uint8)
    if compressibility:
        same = round(compressibility * _CELL)
        cells = data[: size // _CELL * _CELL].reshape(-1, _CELL)
        cells[:, _CELL - same :] = np.frombuffer((b"the same in every cell, " * _CELL)[:same], np.uint8)
    return data


class Bodies:
    """Rows of `size_bytes`; message (producer, sequence) has row `(sequence + producer * 9973) % rows`."""

    def __init__(self, seed: int, size_bytes: int, compressibility: float = 0.0) -> None:
        self.rows = max(4, -(-POOL_BYTES // size_bytes))
        pool = noise(seed, self.rows * size_bytes, compressibility)
        self._pool: Bytes = pool.reshape(self.rows, size_bytes)

    def block(self, producer: int, sequence: int, count: int) -> Bytes:
        """Rows for up to `count` messages, contiguous, to be stamped in place; fewer at the pool's end."""
        at = (sequence + producer * _STRIDE) % self.rows
        return self._pool[at : at + count]

    def same(self, producer: int, sequence: int, payload: bytes | Bytes) -> bool:
        """Whether a received payload's body is what was sent."""
        row = self._pool[(sequence + producer * _STRIDE) % self.rows]
        return bool(bytes(payload[STAMP_BYTES:]) == row[STAMP_BYTES:].tobytes())


class UnlikeBodies:
    """Rows of unlike sizes, one after the other; a message has its row as in Bodies."""

    def __init__(self, pool: Bytes, offsets: Ints) -> None:
        self.rows = len(offsets) - 1
        self._pool, self._offsets = pool, offsets
        self._sizes = np.diff(offsets)

    @staticmethod
    def load(folder: Path) -> "UnlikeBodies":
        """What `save_rows` wrote."""
        return UnlikeBodies(np.load(folder / _POOL), np.load(folder / _OFFSETS))

    def block(self, producer: int, sequence: int, count: int) -> tuple[Bytes, Ints]:
        """As of Bodies, and where each begins: offsets, one more than messages."""
        at = (sequence + producer * _STRIDE) % self.rows
        offsets = self._offsets[at : at + count + 1]
        return self._pool[offsets[0] : offsets[-1]], offsets - offsets[0]

    def sizes(self, producers: Ints, sequences: Ints) -> Ints:
        """How large these messages are."""
        sizes: Ints = self._sizes[(sequences + producers * _STRIDE) % self.rows]
        return sizes

    def same(self, producer: int, sequence: int, payload: bytes | Bytes) -> bool:
        row = (sequence + producer * _STRIDE) % self.rows
        first, end = self._offsets[row : row + 2].tolist()
        return bool(bytes(payload[STAMP_BYTES:]) == self._pool[first + STAMP_BYTES : end].tobytes())


class Tape:
    """Sizes that come in an order of their own: message after message lies on one tape of noise, over and over.

    `ends[p]` has of producer p where each message begins on an endless tape, and where the last one ends. Where the
    sequence is over it begins again. A block is a copy: the next one to stand there is another one."""

    def __init__(self, seed: int, ends: Sequence[Ints], largest_bytes: int, compressibility: float = 0.0) -> None:
        self._ends = ends
        self._tape = noise(seed, POOL_BYTES + largest_bytes, compressibility)

    def block(self, producer: int, sequence: int, count: int) -> tuple[Bytes, Ints]:
        ends = self._ends[producer]
        at = sequence % (len(ends) - 1)
        offsets = ends[at : at + count + 1] - ends[at]
        start = int(ends[at]) % POOL_BYTES
        fits = int(np.searchsorted(offsets, len(self._tape) - start, side="right")) - 1
        offsets = np.asarray(offsets[: fits + 1], np.int64)
        return self._tape[start : start + int(offsets[-1])].copy(), offsets

    def sizes(self, producers: Ints, sequences: Ints) -> Ints:
        found = np.full(len(sequences), -1, np.int64)
        for producer in np.unique(producers).tolist():
            if producer < len(self._ends):
                ends, mine = self._ends[producer], producers == producer
                at = sequences[mine] % (len(ends) - 1)
                found[mine] = ends[at + 1] - ends[at]
        return found

    def same(self, producer: int, sequence: int, payload: bytes | Bytes) -> bool:
        ends = self._ends[producer]
        at = sequence % (len(ends) - 1)
        start, size = int(ends[at]) % POOL_BYTES, int(ends[at + 1] - ends[at])
        return bool(bytes(payload[STAMP_BYTES:]) == self._tape[start + STAMP_BYTES : start + size].tobytes())


_POOL, _OFFSETS = "bodies.npy", "bodies.offsets.npy"


def save_rows(folder: Path, pool: Bytes, offsets: Ints) -> None:
    np.save(folder / _POOL, pool)
    np.save(folder / _OFFSETS, offsets)
