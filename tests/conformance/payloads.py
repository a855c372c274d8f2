"""Payloads that say who they are: a mark of the destination, producer, sequence; the rest is seeded and compared."""

import random
import struct
from collections.abc import Sequence

import numpy as np

from brokerbench.contract import Batch

__all__ = ["CANARY", "HEAD_BYTES", "batch", "body", "read"]

_HEAD = struct.Struct("<IIQ")
HEAD_BYTES = _HEAD.size
CANARY = 0xFFFF_FFFF
_POOL = random.Random(7).randbytes(1 << 18)


def body(mark: int, producer: int, sequence: int, size_bytes: int) -> bytes:
    at = (producer * 7919 + sequence * 104729) % (len(_POOL) // 2)
    return _HEAD.pack(mark, producer, sequence) + _POOL[at : at + size_bytes - HEAD_BYTES]


def batch(payloads: Sequence[bytes], keys: Sequence[bytes] | None = None) -> Batch:
    """As the engine makes it."""
    sizes = [len(payload) for payload in payloads]
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    equal = sizes[0] if len(set(sizes)) == 1 else 0
    return Batch(memoryview(b"".join(payloads)), offsets, equal, len(payloads), keys)


def read(payload: bytes) -> tuple[int, int, int]:
    """(mark, producer, sequence). Fails on a payload that is not exactly what was sent."""
    mark, producer, sequence = _HEAD.unpack_from(payload)
    assert payload == body(mark, producer, sequence, len(payload)), f"message {producer}/{sequence} came back changed"
    return mark, producer, sequence
