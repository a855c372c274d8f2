"""From a library's own thread to the engine's: some clients call back on threads that the engine must not wait for.

One thread puts, one takes. A deque's append and popleft are atomic, so no message pays for a lock; the taker is woken
only when it has said that it waits.
"""

import threading
from collections import deque
from time import monotonic, monotonic_ns
from typing import Any, Generic, TypeVar

import numpy as np

from brokerbench.contract import NO_DELIVERIES, Deliveries

__all__ = ["Inbox", "Mailbox"]

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Items in the order they were put, until `fail` ends it."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._waiting = False
        self._woken = threading.Event()
        self._error: Exception | None = None

    def __len__(self) -> int:
        return len(self._items)

    def post(self, item: T) -> None:
        self._items.append(item)
        if self._waiting:
            self._woken.set()

    def fail(self, error: Exception) -> None:
        """What is here can still be taken; then `take` raises this. Only the first failure counts."""
        if self._error is None:
            self._error = error
        self._woken.set()

    def take(self, timeout_s: float, most: int) -> list[T]:
        """All there is, up to `most`, as soon as there is anything; [] after `timeout_s`."""
        items = self._items
        if not items:
            self._wait(timeout_s)
        error = self._error  # read before the second look: what was put before it is taken first
        if not items:
            if error is not None:
                raise error
            return []
        pop = items.popleft
        return [pop() for _ in range(min(len(items), most))]

    def _wait(self, timeout_s: float) -> None:
        # Say that we wait, then look again: an item put before the first is seen by the second. Whoever saw us wait may
        # wake us only after its item was taken, so being woken is no sign that there is one.
        end = monotonic() + timeout_s
        self._waiting = True
        while not self._items and self._error is None and (left := end - monotonic()) > 0:
            self._woken.clear()
            if not self._items and self._error is None:
                self._woken.wait(left)
        self._waiting = False


class Inbox(Mailbox[tuple[int, bytes, Any]]):
    """Messages, stamped with CLOCK_MONOTONIC as they are put: waiting for the engine is then no broker's latency."""

    def put(self, payload: bytes, token: Any = None) -> None:
        self._items.append((monotonic_ns(), payload, token))
        if self._waiting:
            self._woken.set()

    def receive(self, timeout_s: float, most: int = 8192) -> Deliveries:
        """As `Consumer.receive`; `tokens` is the list of tokens put."""
        taken = self.take(timeout_s, most)
        if not taken:
            return NO_DELIVERIES
        received, payloads, tokens = zip(*taken, strict=True)
        return Deliveries(len(taken), payloads=payloads, tokens=tokens, received_ns=np.array(received, dtype=np.int64))
