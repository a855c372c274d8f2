"""Sending: a block of SEND frames for each batch, and the RECEIPTs as confirms."""

from typing import Any

import numpy as np

from brokerbench.contract import NO_CONFIRMS, Batch, Confirms, Fate, Session
from brokerbench.inbox import Mailbox

from .link import Link

__all__ = ["StompProducer", "send_template"]

_SOON_S = 0.001  # while something waits for the socket, look again
_MOST = 8192


def send_template(session: Session, *, keys: bool) -> bytes:
    """A SEND frame with places for: receipt (where it is confirmed), key (where there is one), length, payload."""
    headers = {**session.headers, "destination": session.endpoints.destination, **session.endpoints.extra}
    headers["persistent"] = "true" if session.settings.persistent else "false"
    frame = "SEND\n" + "".join(f"{name}:{_escaped(value)}\n" for name, value in headers.items())
    frame += "receipt:%d\n" if session.settings.confirms else ""
    frame += "JMSXGroupID:%b\n" if keys else ""
    return (frame + "content-length:%d\n\n%b\0").encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(":", "\\c").replace("%", "%%")


class StompProducer:
    def __init__(self, link: Link, session: Session) -> None:
        self._link = link
        self._confirming: bool = session.settings.confirms
        self._in_flight = session.in_flight
        self._plain, self._keyed = (send_template(session, keys=keys) for keys in (False, True))
        self._next = self._answered = 0
        self._receipts: Mailbox[int] = Mailbox()
        link.on_number = self._receipts.post
        link.on_lost(self._receipts.fail)

    def room(self) -> int:
        if self._link.behind():
            return 0
        return self._in_flight - (self._next - self._answered) if self._confirming else self._in_flight

    def send(self, batch: Batch) -> int:
        self._link.check()
        count = min(batch.count, self.room())
        if count <= 0:
            return 0
        payloads = batch.payloads()[:count]
        columns: list[Any] = [range(self._next, self._next + count)] if self._confirming else []
        if batch.keys is not None:
            columns.append(batch.keys[:count])
        template = self._plain if batch.keys is None else self._keyed
        rows = zip(*columns, map(len, payloads), payloads, strict=True)
        self._next += count
        self._link.put(b"".join(map(template.__mod__, rows)))
        return count

    def confirms(self, timeout_s: float) -> Confirms:
        if self._link.behind():
            timeout_s = min(timeout_s, _SOON_S)
        numbers = self._receipts.take(timeout_s, _MOST)
        if not numbers:
            return NO_CONFIRMS
        self._answered += len(numbers)
        return _ranges(numbers)

    def close(self) -> None:
        self._link.close()


def _ranges(numbers: list[int]) -> Confirms:
    """The broker answers in order, mostly: runs of numbers become ranges."""
    found = np.array(numbers, np.int64)
    breaks = np.flatnonzero(np.diff(found) != 1)
    first = found[np.concatenate(([0], breaks + 1))]
    last = found[np.concatenate((breaks, [len(found) - 1]))]
    return Confirms(first, last, np.full(len(first), Fate.CONFIRMED.value, np.uint8))
