"""Publishing: a block of XADD or LPUSH in one write, the replies read when they come.

Messages of one size differ in their payload only, so hiredis packs one command and numpy copies it under all of them.
"""

import time
from itertools import chain

import hiredis
import numpy as np

from brokerbench.contract import NO_CONFIRMS, Batch, Confirms, ConnectionLost, Fate, Session

from .link import Link

__all__ = ["Producer"]

_CLOSE_S = 5.0
_TAIL = b"\r\n"  # after the payload


class Producer:
    def __init__(self, link: Link, session: Session) -> None:
        self._link = link
        self._in_flight = session.in_flight
        self._taken = self._answered = 0
        key, settings = session.endpoints.destination, session.settings
        if settings.structure == "list":
            self._words: tuple[str | int, ...] = ("LPUSH", key)
        else:
            trim = () if settings.maxlen is None else ("MAXLEN", "~", settings.maxlen)
            # Further fields of the entry; the payload stays the last one.
            self._words = ("XADD", key, *trim, "*", *chain.from_iterable(session.headers.items()), "m")
        self._rows = np.empty((0, 0), np.uint8)
        self._head = 0
        self._size = 0
        self._closed = False

    def room(self) -> int:
        if not self._link.usable or self._link.writing:
            return 0
        return self._in_flight - (self._taken - self._answered)

    def send(self, batch: Batch) -> int:
        self._link.check()
        count = min(self.room(), batch.count)
        if count <= 0:
            return 0
        self._link.write(self._block(batch, count) if batch.size_bytes else self._by_one(batch, count))
        self._taken += count
        return count

    def confirms(self, timeout_s: float) -> Confirms:
        replies = self._link.replies(timeout_s)
        if not replies:
            return NO_CONFIRMS
        first, self._answered = self._answered, self._answered + len(replies)
        refused = [first + at for at, reply in enumerate(replies) if isinstance(reply, Exception)]
        if not refused:
            return Confirms.of([(first, self._answered - 1, Fate.CONFIRMED)])
        ranges = []
        for ordinal in refused:
            if ordinal > first:
                ranges.append((first, ordinal - 1, Fate.CONFIRMED))
            ranges.append((ordinal, ordinal, Fate.REFUSED))
            first = ordinal + 1
        if first < self._answered:
            ranges.append((first, self._answered - 1, Fate.CONFIRMED))
        return Confirms.of(ranges)

    def close(self) -> None:
        """Wait until all is answered, within a bounded time."""
        if self._closed:
            return
        self._closed = True
        end = time.monotonic() + _CLOSE_S
        try:
            while self._link.usable and self._answered < self._taken and time.monotonic() < end:
                self.confirms(0.1)
        except ConnectionLost:
            pass  # what was not answered is unknown

    def _block(self, batch: Batch, count: int) -> memoryview:
        """Valid until the next one: `room` is 0 until all of it is written."""
        size = batch.size_bytes
        if size != self._size or count > len(self._rows):
            self._lay_out(size, count)
        rows = self._rows[:count]
        rows[:, self._head : self._head + size] = np.frombuffer(batch.buffer, np.uint8, count * size).reshape(-1, size)
        return rows.data.cast("B")

    def _lay_out(self, size: int, count: int) -> None:
        frame = np.frombuffer(hiredis.pack_command((*self._words, bytes(size))), np.uint8)
        self._rows = np.tile(frame, (count, 1))
        self._size, self._head = size, len(frame) - size - len(_TAIL)

    def _by_one(self, batch: Batch, count: int) -> bytes:
        pack, words = hiredis.pack_command, self._words
        return b"".join([pack((*words, payload)) for payload in batch.payloads()[:count]])
