"""Which published messages the broker has answered, kept as ranges. No I/O: this is bookkeeping.

A broker may confirm 7 alone and later "all up to 9": each message is reported once. An unroutable mandatory
message is returned, body and all, before it is confirmed like any other; the return carries no delivery tag, so
it is found by its body among those not yet answered, in order.
"""

from collections import deque
from collections.abc import Sequence

from brokerbench.contract import Fate

__all__ = ["Answers"]


class Answers:
    """Ordinals count from 0 in the order published; AMQP's delivery tags of a channel count the same from 1."""

    def __init__(self) -> None:
        self.published = 0
        self.ranges: list[tuple[int, int, Fate]] = []
        self._low = 0  # all before it are answered
        self._ahead: set[int] = set()  # answered, though not all before them are
        self._bodies: deque[tuple[int, Sequence[bytes]]] = deque()
        self._refused: set[int] = set()
        self._search_from = 0

    @property
    def outstanding(self) -> int:
        return self.published - self._low - len(self._ahead)

    def publish(self, bodies: Sequence[bytes]) -> None:
        self._bodies.append((self.published, bodies))
        self.published += len(bodies)

    def returned(self, body: bytes) -> None:
        """The broker could not route it. Raises ValueError for a body that was not published."""
        start = max(self._search_from, self._low)
        for first, bodies in self._bodies:
            at = max(0, start - first)
            if body in bodies[at:]:
                ordinal = first + bodies.index(body, at)
                self._refused.add(ordinal)
                self._search_from = ordinal + 1
                return
        raise ValueError(f"the broker returned {len(body)} bytes that were not published here")

    def answer(self, tag: int, multiple: bool, fate: Fate) -> None:
        """A basic.ack or basic.nack; tag 0 with `multiple` means all."""
        last = tag - 1 if tag else self.published - 1
        if multiple:
            self._all_up_to(last, fate)
        elif last == self._low:
            self._add(last, last, fate)
            self._low += 1
        elif last > self._low and last not in self._ahead:
            self._add(last, last, fate)
            self._ahead.add(last)
        self._settle_low()

    def take(self) -> list[tuple[int, int, Fate]]:
        ranges, self.ranges = self.ranges, []
        return ranges

    def _all_up_to(self, last: int, fate: Fate) -> None:
        first = self._low
        for done in sorted(ordinal for ordinal in self._ahead if ordinal <= last):
            self._add(first, done - 1, fate)
            self._ahead.discard(done)
            first = done + 1
        self._add(first, last, fate)
        self._low = max(self._low, last + 1)

    def _settle_low(self) -> None:
        while self._low in self._ahead:
            self._ahead.discard(self._low)
            self._low += 1
        while self._bodies and self._bodies[0][0] + len(self._bodies[0][1]) <= self._low:
            self._bodies.popleft()

    def _add(self, first: int, last: int, fate: Fate) -> None:
        """Report a range, the returned ones in it as refused."""
        if self._refused:
            for ordinal in sorted(o for o in self._refused if first <= o <= last):
                self._refused.discard(ordinal)
                self._extend(first, ordinal - 1, fate)
                self._extend(ordinal, ordinal, Fate.REFUSED)
                first = ordinal + 1
        self._extend(first, last, fate)

    def _extend(self, first: int, last: int, fate: Fate) -> None:
        if first > last:
            return
        if self.ranges and self.ranges[-1][1] == first - 1 and self.ranges[-1][2] is fate:
            self.ranges[-1] = (self.ranges[-1][0], last, fate)
        else:
            self.ranges.append((first, last, fate))
