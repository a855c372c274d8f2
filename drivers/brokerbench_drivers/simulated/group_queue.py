"""One group's queue: first in, first out, served by one or more workers (G/G/c in Kendall's notation)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

from .account import Account, Rows
from .fates import NONE, Mishap, alien, altered, corrupted
from .service import Calendar
from .settings import Settings

__all__ = ["GroupQueue", "Message"]

_HELD_NS = 1_000_000_000  # a swapped message waits no longer for its successor


@dataclass(slots=True, eq=False)
class Message:
    payload: bytes
    rows: Rows | None = None  # None: no stamp, so no account of its times
    row: int = 0
    mishaps: frozenset[Mishap] = NONE


class GroupQueue:
    """Waiting, then worked on, then ready to be taken. At one instant, departures come before arrivals."""

    def __init__(
        self, group: str, settings: Settings, work_ns: Callable[[], int], calendar: Calendar, account: Account
    ) -> None:
        self.ready: deque[tuple[bytes, bool, str, Message | None]] = deque()  # payload, again, counted as, first of
        self._group = group
        self._workers, self._capacity = settings.workers, settings.capacity
        self._work_ns, self._calendar = work_ns, calendar
        self._account = account
        self._waiting: deque[Message] = deque()
        self._busy: list[tuple[int, int, Message]] = []  # (departure, order of start, message), a heap
        self._started = 0
        self._held: dict[Rows, list[tuple[int, Message]]] = {}  # swapped messages: (until when, message)

    @property
    def stored(self) -> int:
        return len(self._waiting) + len(self._busy) + len(self.ready) + sum(map(len, self._held.values()))

    @property
    def full(self) -> bool:
        return self._capacity is not None and len(self._waiting) + len(self._busy) >= self._capacity

    def arrive(self, at_ns: int, message: Message) -> None:
        """Where it is full, what has waited longest is dropped: the message itself, if none waits."""
        full = self.full
        self._waiting.append(message)
        if full:
            dropped = self._waiting.popleft()
            for kind in ("lost", "dropped"):
                self._account.note(kind, dropped.rows, dropped.row, self._group)
        self._start(at_ns)
        self.advance(at_ns)  # work that takes no time is done before the next one comes

    def next_ns(self) -> int | None:
        times = [held[0][0] for held in self._held.values()]
        if self._busy:
            times.append(self._busy[0][0])
        return min(times, default=None)

    def advance(self, to_ns: int) -> None:
        """Everything that is due up to and including `to_ns`."""
        while (at := self.next_ns()) is not None and at <= to_ns:
            if self._busy and self._busy[0][0] == at:
                self._depart(at, heappop(self._busy)[2])
                self._start(at)
            else:
                self._release(at)

    def pass_at_once(self, payload: bytes) -> None:
        """A canary asks whether the way is open: it does not queue."""
        self.ready.append((payload, False, "canaries", None))

    def take(self, most: int, at_ns: int) -> list[tuple[bytes, bool]]:
        """What is ready, oldest first, as (payload, redelivered); `at_ns` goes into the account."""
        taken, counts = [], self._account.of_group[self._group]
        for _ in range(min(most, len(self.ready))):
            payload, again, kind, message = self.ready.popleft()
            taken.append((payload, again))
            counts[kind] += 1
            if message is not None and message.rows is not None:
                message.rows.left_ns[self._group][message.row] = at_ns
        return taken

    def _start(self, at_ns: int) -> None:
        while self._waiting and len(self._busy) < self._workers:
            done_ns = self._calendar.done_ns(at_ns, self._work_ns())
            heappush(self._busy, (done_ns, self._started, self._waiting.popleft()))
            self._started += 1

    def _depart(self, at_ns: int, message: Message) -> None:
        rows = message.rows
        if not message.mishaps and not self._held:
            self._hand_over(at_ns, message)
            return
        if rows is not None and Mishap.SWAPPED in message.mishaps:
            self._held.setdefault(rows, []).append((at_ns + _HELD_NS, message))
            return
        self._hand_over(at_ns, message)
        if rows is not None:
            for _, earlier in reversed(self._held.pop(rows, [])):
                self._account.note("swapped", earlier.rows, earlier.row, self._group)
                self._hand_over(at_ns, earlier)

    def _release(self, at_ns: int) -> None:
        """No successor came in time: these leave in the order that they had."""
        for rows, held in list(self._held.items()):
            while held and held[0][0] <= at_ns:
                self._hand_over(at_ns, held.pop(0)[1])
            if not held:
                del self._held[rows]

    def _hand_over(self, at_ns: int, message: Message) -> None:
        payload, rows, row = message.payload, message.rows, message.row
        if rows is not None:
            rows.departure_ns[self._group][row] = at_ns
        if Mishap.FOREIGN in message.mishaps:
            self.ready.append((alien(payload), False, "foreign taken", None))
            self._account.note("foreign", rows, row, self._group)
        if Mishap.CORRUPTED in message.mishaps:
            payload = corrupted(payload)
            self._account.note("corrupted", rows, row, self._group)
        if Mishap.ALTERED in message.mishaps:
            payload = altered(payload)
            self._account.note("altered", rows, row, self._group)
        self.ready.append((payload, False, "delivered", message))
        if Mishap.DUPLICATED in message.mishaps:
            self.ready.append((payload, True, "delivered", None))
            self._account.note("duplicated", rows, row, self._group)
