"""What was drawn for a run's messages, measured on the very pool that is sent: run.json's `messages`."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import BadTarget
from brokerbench.model import Message, Plan

from .bodies import POOL_BYTES, Bodies, noise
from .keys import KeyPicker
from .messages import EQUAL, TAPE, kind_of, unlike_bodies

__all__ = ["drawn"]

_LOOKED_AT = 2**20  # bytes of the pool
_BLOCK = 64 * 1024  # as who compresses batches sees them
_KEYS_LOOKED_AT = 100_000


def drawn(plan: Plan) -> dict[str, dict[str, Any] | None]:
    """For each candidate that takes part. None where a payload is not what it was: trials will say so."""
    taking_part = [each.name for each in plan.candidates if each.excluded is None]
    return {name: _drawn(plan.scenario.of(name).message, plan.seed) for name in taking_part}


def _drawn(message: Message, seed: int) -> dict[str, Any] | None:
    try:
        return {**_bodies(message, seed), "keys": _keys(message, seed)}
    except BadTarget:
        return None


def _bodies(message: Message, seed: int) -> dict[str, Any]:
    kind = kind_of(message)
    if kind == TAPE:
        data = noise(seed, _LOOKED_AT, message.compressibility)
        sizes: dict[str, Any] = {"bodies": None, "smallest_bytes": None, "mean_bytes": round(message.mean_bytes, 1)}
        return {**sizes, "largest_bytes": message.largest_bytes, "saved_share": _saved(data)}
    if kind == EQUAL:
        size = message.largest_bytes
        rows = Bodies(seed, size, message.compressibility).block(0, 0, -(-_LOOKED_AT // size))
        data, every = rows.reshape(-1), np.full(-(-POOL_BYTES // size), size)
    else:
        data, offsets = unlike_bodies(message, seed)
        every = np.diff(offsets)
    return {
        "bodies": len(every),
        "smallest_bytes": int(every.min()),
        "mean_bytes": round(float(every.mean()), 1),
        "largest_bytes": int(every.max()),
        "saved_share": _saved(data[:_LOOKED_AT]),
    }


def _saved(data: NDArray[np.uint8]) -> float:
    """The share that zlib's level 1 takes away, of bodies one after the other in blocks of 64 KiB."""
    raw = data.tobytes()
    packed = sum(len(zlib.compress(raw[at : at + _BLOCK], 1)) for at in range(0, len(raw), _BLOCK))
    return round(1 - packed / len(raw), 4)


def _keys(message: Message, seed: int) -> dict[str, Any] | None:
    """Of one producer's first messages; a trace's keys are its own."""
    if message.keys is None or message.keys.trace:
        return None
    places = KeyPicker(message.keys, seed, 0).places(np.arange(_KEYS_LOOKED_AT, dtype=np.uint64))
    counts = np.bincount(places)
    return {
        "messages": _KEYS_LOOKED_AT,
        "distinct": int(np.count_nonzero(counts)),
        "hottest_share": round(float(counts.max() / _KEYS_LOOKED_AT), 5),
    }
