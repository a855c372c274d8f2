"""What is done wrong to which message, and how a payload looks afterwards."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from brokerbench import stamp
from brokerbench.model import STAMP_BYTES

from .settings import Fates

__all__ = ["NONE", "Mishap", "Mishaps", "Stamps", "alien", "altered", "corrupted"]

_TAG_AT, _CHECK_AT = 6, 14  # of the lowest byte in the stamp: tag and check are the upper 16 bits of its two words


class Mishap(StrEnum):
    """Named as in `Fates`."""

    CONFIRMED_BUT_LOST = "confirmed_but_lost"
    REFUSED = "refused"
    CONFIRM_DROPPED = "confirm_dropped"
    DUPLICATED = "duplicated"
    SWAPPED = "swapped"
    FOREIGN = "foreign"
    CORRUPTED = "corrupted"
    ALTERED = "altered"


NONE: frozenset[Mishap] = frozenset()


class Mishaps:
    """Which of them a sequence has. The n-th message of `every n` is the sequence n - 1."""

    def __init__(self, fates: Fates) -> None:
        self._exact: dict[int, frozenset[Mishap]] = {}
        self._every: list[tuple[int, Mishap]] = []
        for mishap in Mishap:
            for pick in getattr(fates, mishap.value):
                if isinstance(pick, int):
                    self._exact[pick] = self._exact.get(pick, NONE) | {mishap}
                else:
                    self._every.append((int(pick.removeprefix("every ")), mishap))

    def of(self, sequence: int) -> frozenset[Mishap]:
        found = self._exact.get(sequence, NONE)
        for every, mishap in self._every:
            if (sequence + 1) % every == 0:
                found |= {mishap}
        return found


class Stamps:
    """What stands in the stamps of some payloads, as columns of plain numbers."""

    def __init__(self, payloads: Sequence[bytes]) -> None:
        words = np.frombuffer(b"".join([p[:STAMP_BYTES] for p in payloads]), "<u8").reshape(-1, 2)
        first, second = words[:, 0], words[:, 1]
        whole = stamp.valid(first, second)
        canary = stamp.tags_of(first) & np.uint64(stamp.CANARY) != 0
        self.canaries: list[bool] = (whole & canary).tolist()
        self.ours: list[bool] = (whole & ~canary).tolist()
        self.producers: list[int] = stamp.producers_of(first).tolist()
        self.sequences: list[int] = stamp.sequences_of(first).tolist()
        self.intended_ns: list[int] = stamp.ns_of(second).tolist()


def corrupted(payload: bytes) -> bytes:
    """One bit of the stamp's check: it never fits the rest again."""
    return _flipped(payload, _CHECK_AT)


def altered(payload: bytes) -> bytes:
    """A whole stamp on a body that was not sent. A message that is all stamp stays as it is."""
    return _flipped(payload, len(payload) - 1) if len(payload) > STAMP_BYTES else payload


def alien(payload: bytes) -> bytes:
    """As another trial would have stamped it."""
    other = bytearray(_flipped(payload, _TAG_AT))
    words: NDArray[np.uint64] = np.frombuffer(other, "<u8", 2)
    ns = stamp.ns_of(words[1:])
    words[1:] = stamp.check16(words[:1], ns) << np.uint64(48) | ns
    return bytes(other)


def _flipped(payload: bytes, at: int) -> bytes:
    return payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
