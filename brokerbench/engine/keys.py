"""The key of each message: a pure function of producer and sequence, worked out for thousands at a time."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.model import Keys

__all__ = ["KeyPicker", "TraceKeys", "key_file", "key_names_file", "shares"]

_CHUNK = 4096
_KNUTH = np.uint64(2654435761)
_ODD = 0x9E3779B97F4A7C15
_K1, _K2, _K3 = np.uint64(_ODD), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TOP = 2.0**-53

Words = NDArray[np.uint64]


def shares(keys: Keys) -> NDArray[np.float64] | None:
    """Of the messages, for each key; None where all are alike."""
    assert keys.cardinality is not None
    if keys.zipf is not None:
        weights: NDArray[np.float64] = np.power(np.arange(1.0, keys.cardinality + 1), -keys.zipf)
        weights /= weights.sum()
        return weights
    if keys.hot is not None:
        others = np.full(keys.cardinality, (1 - keys.hot) / (keys.cardinality - 1))
        others[0] = keys.hot
        return others
    return None


class _Chunks:
    """Names for runs of sequences, made by chunks: batches are small, and each array operation has its price."""

    def __init__(self, names: Sequence[bytes]) -> None:
        self._names = names
        self._first = -1
        self._chunk: list[bytes] = []

    @property
    def first_name(self) -> bytes:
        return self._names[0]

    def of(self, first: int, count: int) -> list[bytes]:
        """The keys of `count` messages from sequence `first` on."""
        at = first - self._first
        if self._first < 0 or at < 0 or at + count > len(self._chunk):
            places = self.places(np.arange(first, first + max(count, _CHUNK), dtype=np.uint64))
            self._chunk = [self._names[place] for place in places.tolist()]
            self._first, at = first, 0
        return self._chunk[at : at + count]

    def places(self, sequences: Words) -> NDArray[np.int64]:
        """Of their keys, among the names."""
        raise NotImplementedError


class KeyPicker(_Chunks):
    def __init__(self, keys: Keys, seed: int, producer: int) -> None:
        assert keys.cardinality is not None
        super().__init__([b"key-%07d" % place for place in range(keys.cardinality)])
        self._count = np.uint64(keys.cardinality)
        spread = shares(keys)
        self._reach = None if spread is None else np.cumsum(spread)
        self._salt = np.uint64((seed << 16 ^ producer) * _ODD & 0xFFFFFFFFFFFFFFFF)

    def places(self, sequences: Words) -> NDArray[np.int64]:
        if self._reach is None:
            # Knuth's multiplicative hash: keys of neighbours differ, and the choice needs no stored state.
            return (sequences * _KNUTH >> np.uint64(8)).astype(np.int64) % int(self._count)
        found = np.searchsorted(self._reach, _chances(sequences ^ self._salt), side="right")
        return np.minimum(found, int(self._count) - 1)


class TraceKeys(_Chunks):
    """Those of a trace, as `key_file` of this producer has them."""

    def __init__(self, folder: Path, producer: int) -> None:
        names = json.loads(key_names_file(folder).read_text(encoding="utf-8"))
        super().__init__([name.encode() for name in names])
        self._places: NDArray[np.int32] = np.load(key_file(folder, producer), mmap_mode="r")

    def places(self, sequences: Words) -> NDArray[np.int64]:
        return self._places[sequences.astype(np.int64) % len(self._places)].astype(np.int64)


def key_file(folder: Path, producer: int) -> Path:
    return folder / f"producer-{producer}.keys.npy"


def key_names_file(folder: Path) -> Path:
    return folder / "keys.json"


def _chances(words: Words) -> NDArray[np.float64]:
    """Evenly from 0 to 1: splitmix64's finish (Steele, Lea, Flood 2014), which passes for random."""
    mixed = words * _K1
    mixed = (mixed ^ mixed >> np.uint64(30)) * _K2
    mixed = (mixed ^ mixed >> np.uint64(27)) * _K3
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * _TOP
