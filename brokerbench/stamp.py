"""The 16 bytes at the head of every payload, written and read for whole batches.

Two little-endian u64: `tag << 48 | producer << 32 | sequence` and `check << 48 | ns since t0`.
The check covers all other bits, so a torn, foreign or altered stamp is told from ours with 1 - 2^-16.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CANARY",
    "NS_MAX",
    "check16",
    "head",
    "ns_of",
    "producers_of",
    "read_at",
    "sequences_of",
    "tags_of",
    "valid",
    "write",
    "write_at",
]

U64 = np.uint64
NS_MAX = (1 << 48) - 1  # 78 hours
CANARY = 0x8000  # set in the tag of readiness messages, which are counted nowhere

_K1 = U64(0x9E3779B97F4A7C15)
_K2 = U64(0xC2B2AE3D27D4EB4F)
_MASK48 = U64(NS_MAX)
_MASK32 = U64(0xFFFFFFFF)
_MASK16 = U64(0xFFFF)
_PLACES = np.arange(16)
_S29, _S32, _S48 = U64(29), U64(32), U64(48)

Words = NDArray[np.uint64]


def head(tag: int, producer: int) -> np.uint64:
    """The constant part of a producer's first word."""
    return U64(tag << 48 | producer << 32)


def check16(first: Words, ns: Words) -> Words:
    """16 bits of a multiplicative hash over both words (wraps on purpose)."""
    mixed = first * _K1
    mixed ^= ns * _K2
    mixed ^= mixed >> _S29
    mixed *= _K1
    mixed >>= _S48
    return mixed


def write(block: NDArray[np.uint8], stamp_head: np.uint64, sequences: Words, ns: Words) -> None:
    """Stamp `block` (n, size) in place; `sequences` and `ns` are (n,) u64."""
    first = sequences | stamp_head
    words = np.ndarray((len(block), 2), "<u8", buffer=block.data, strides=(block.strides[0], 8))
    words[:, 0] = first
    words[:, 1] = _second(first, ns)


def write_at(
    data: NDArray[np.uint8], starts: NDArray[np.int64], stamp_head: np.uint64, sequences: Words, ns: Words
) -> None:
    """Stamp messages of unlike sizes, which begin at `starts` of `data`, in place."""
    first = sequences | stamp_head
    words = np.stack((first, _second(first, ns)), axis=1).astype("<u8", copy=False)
    data[starts[:, None] + _PLACES] = words.view(np.uint8)


def read_at(data: NDArray[np.uint8], starts: NDArray[np.int64]) -> Words:
    """(n, 2) words of the messages that begin at `starts` of `data`."""
    words: Words = data[starts[:, None] + _PLACES].view("<u8")
    return words


def _second(first: Words, ns: Words) -> Words:
    second = check16(first, ns)
    second <<= _S48
    second |= ns
    return second


def ns_of(second: Words) -> Words:
    return second & _MASK48


def valid(first: Words, second: Words) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = check16(first, second & _MASK48) == second >> _S48
    return same


def tags_of(first: Words) -> Words:
    return first >> _S48


def producers_of(first: Words) -> Words:
    return (first >> _S32) & _MASK16


def sequences_of(first: Words) -> NDArray[np.int64]:
    return (first & _MASK32).astype(np.int64)
