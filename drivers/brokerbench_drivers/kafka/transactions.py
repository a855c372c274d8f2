"""A producer whose messages are committed together: they count as confirmed once their transaction is.

Both libraries block in a commit, and take no message while they are at it; so commits are made in a thread of our own,
and meanwhile there is no room.
"""

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from brokerbench.contract import NO_CONFIRMS, Batch, Confirms, ConnectionLost, Fate, Session

__all__ = ["BEGIN_S", "TransactionalProducer", "Transactions", "milliseconds", "name"]

# The first one of a broker waits until it has made its log of transactions. Less than an engine waits for a client, so
# that the broker's own word is heard.
BEGIN_S = 30.0
_CLOSE_S = 10.0
_LONGEST_MS = 900_000  # transaction.max.timeout.ms of the broker


class Transactions(Protocol):
    """One library's way. ConnectionLost from any of them is for good: after a transaction that failed, neither library
    goes on reliably. The next producer of this name rolls back what was left open."""

    def begin(self) -> None: ...

    def take(self, payloads: Sequence[bytes], keys: Sequence[bytes] | None) -> tuple[int, bool]:
        """How many it took, and whether it refused the next one."""

    def commit(self) -> None:
        """Returns when it is done."""

    def serve(self) -> None:
        """Let the library say what it has to, without waiting."""

    def close(self) -> None: ...


def name(session: Session) -> str:
    """The transactional.id."""
    return f"{session.endpoints.destination}.{session.index}"


def milliseconds(session: Session) -> int:
    """transaction.timeout.ms: a transaction may fill, and then its messages have their time."""
    seconds = session.settings.delivery_timeout_s + session.settings.transaction_wait_s
    return min(_LONGEST_MS, int(seconds * 1000))


class TransactionalProducer:
    def __init__(self, library: Transactions, session: Session) -> None:
        self._library = library
        self._in_flight = session.in_flight
        self._size: int = session.settings.transactions
        self._wait_s: float = session.settings.transaction_wait_s
        self._sent = self._answered = 0
        self._turn = threading.Condition()  # who may use the library: we to fill a transaction, the thread to commit
        self._open: list[tuple[int, int]] = []  # first and last ordinals of what the open transaction took
        self._filled = 0
        self._due_s = 0.0
        self._committing = self._closed = False
        # Filled by the thread, emptied by ours: appending and deleting from the front are each one step.
        self._ended: list[tuple[int, int, Fate]] = []
        self._lost: ConnectionLost | None = None
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._commit_each, name="kafka-commits", daemon=True)
        self._thread.start()

    def room(self) -> int:
        if self._committing or self._lost is not None:
            return 0
        return max(0, min(self._size - self._filled, self._in_flight - (self._sent - self._answered)))

    def send(self, batch: Batch) -> int:
        with self._turn:
            room = min(self.room(), batch.count)
            if room <= 0:
                return 0
            try:
                return self._fill(batch, room)
            except ConnectionLost as error:
                self._lost = error
                return 0

    def _fill(self, batch: Batch, room: int) -> int:
        if not self._filled:
            self._library.begin()
        took, refused = self._library.take(batch.payloads()[:room], batch.keys)
        if took:
            self._open.append((self._sent, self._sent + took - 1))
        if refused:
            self._ended.append((self._sent + took, self._sent + took, Fate.REFUSED))
            took += 1
        if not self._filled:
            self._due_s = time.monotonic() + self._wait_s
        self._sent += took
        self._filled += took
        self._turn.notify()
        return took

    def confirms(self, timeout_s: float) -> Confirms:
        self._library.serve()
        if timeout_s > 0 and not self._ended and self._lost is None:
            self._news.wait(timeout_s)
            self._news.clear()
        count = len(self._ended)
        ended = self._ended[:count]
        del self._ended[:count]
        if not ended:
            if self._lost is not None:
                raise self._lost
            return NO_CONFIRMS
        self._answered += sum(last - first + 1 for first, last, _ in ended)
        return Confirms.of(ended)

    def _commit_each(self) -> None:
        while (pieces := self._next()) is not None:
            try:
                self._library.commit()
            except ConnectionLost as error:
                self._lost = error
            else:
                self._ended += [(first, last, Fate.CONFIRMED) for first, last in pieces]
            self._committing = False
            self._news.set()

    def _next(self) -> list[tuple[int, int]] | None:
        """The transaction to commit, once it is full or its time has come; None: all is over."""
        with self._turn:
            while self._filled < self._size and not self._closed:
                left_s = self._due_s - time.monotonic() if self._filled else None
                if left_s is not None and left_s <= 0:
                    break
                self._turn.wait(left_s)
            if not self._filled:
                return None
            self._committing = True
            pieces, self._open, self._filled = self._open, [], 0
            return pieces

    def close(self) -> None:
        if self._closed:
            return
        with self._turn:
            self._closed = True
            self._turn.notify()
        self._thread.join(_CLOSE_S)
        self._library.close()
