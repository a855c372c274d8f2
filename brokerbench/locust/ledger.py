"""The fate of every message of one class of Locust users in one process."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench import stamp
from brokerbench.model import STAMP_BYTES

__all__ = ["Ledger"]

_PROMISED, _RECEIVED = 1, 2


class Ledger:
    """A byte for each message; `counters` are the broker's own, where it has some."""

    def __init__(self, name: str, tag: int, *, confirming: bool) -> None:
        self.name = name
        self.sent = self.confirmed = self.refused = 0
        self.cut_off = 0  # sent, and its user was stopped before the answer: no request of Locust's
        self.received = self.drained = self.unique = self.duplicates = self.foreign = 0
        self.counters: dict[str, Any] | None = None
        self.closed = False  # drained: what is missing now is lost
        self._tag, self._confirming = tag, confirming
        self._fates: dict[int, bytearray] = {}

    def stamped(self, producer: int, payload: NDArray[np.uint8], ns: int) -> int:
        """Stamps the producer's next message and returns its sequence."""
        sequence = len(self._fates.setdefault(producer, bytearray()))
        words = np.array([sequence], np.uint64), np.array([ns], np.uint64)
        stamp.write(payload.reshape(1, -1), stamp.head(self._tag, producer), *words)
        return sequence

    def took(self, producer: int) -> None:
        """The client took the message that was stamped last."""
        self.sent += 1
        self._fates[producer].append(0 if self._confirming else _PROMISED)

    def answered(self, producer: int, sequence: int, *, confirmed: bool) -> None:
        if confirmed:
            self.confirmed += 1
            self._fates[producer][sequence] |= _PROMISED
        else:
            self.refused += 1

    def arrived(self, payload: bytes, *, draining: bool = False) -> int | None:
        """When it was sent, in ns since t0; None where it is not of this ledger."""
        first, second = np.frombuffer(payload.ljust(STAMP_BYTES, b"\0"), "<u8", 2).reshape(2, 1)
        if not stamp.valid(first, second)[0] or int(stamp.tags_of(first)[0]) != self._tag:
            self.foreign += 1
            return None
        fates = self._fates[int(stamp.producers_of(first)[0])]
        sequence = int(stamp.sequences_of(first)[0])
        if fates[sequence] & _RECEIVED:
            self.duplicates += 1
        else:
            self.unique += 1
            fates[sequence] |= _RECEIVED
        if draining:
            self.drained += 1
        else:
            self.received += 1
        return int(stamp.ns_of(second)[0])

    @property
    def unknown(self) -> int:
        """Sent, and neither confirmed nor refused."""
        return self.sent - self.confirmed - self.refused if self._confirming else 0

    @property
    def missing(self) -> int:
        """Promised, and not received so far."""
        return sum(fates.count(_PROMISED) for fates in self._fates.values())

    @property
    def lost(self) -> int | None:
        """None until the rest has been drained."""
        return self.missing if self.closed else None

    def as_json(self) -> dict[str, Any]:
        counts = (
            "sent",
            "confirmed",
            "refused",
            "unknown",
            "cut_off",
            "received",
            "drained",
            "unique",
            "duplicates",
            "foreign",
        )
        found = {name: getattr(self, name) for name in counts}
        if not self._confirming:
            found["confirmed"] = found["refused"] = None
        return {"name": self.name, **found, "lost": self.lost, "broker": self.counters}

    @property
    def text(self) -> str:
        lost = "not measured" if self.lost is None else f"{self.lost:,}"
        fates = f"confirmed {self.confirmed:,}, refused {self.refused:,}, unknown {self.unknown:,}"
        return (
            f"ledger of {self.name}: sent {self.sent:,}, {fates if self._confirming else 'nothing confirms'}"
            f"; received {self.received:,}, and {self.drained:,} in the drain"
            f"; duplicates {self.duplicates:,}, lost {lost}"
        )
