"""What one producer's connection is answered, and when."""

from collections import deque

from brokerbench.contract import Fate

__all__ = ["Answers"]


class Answers:
    """Messages are numbered from 0 as they come. `ready` has what can be told now, as [first, last, fate] ranges."""

    def __init__(self, delay_ns: int) -> None:
        self.ready: list[tuple[int, int, Fate]] = []
        self._delay_ns = delay_ns
        self._due: deque[tuple[int, int, Fate]] = (
            deque()
        )  # (when, number, fate): the delay is one, so they stay in order
        self._next = 0

    def number(self) -> int:
        """Of the message that has just come."""
        self._next += 1
        return self._next - 1

    def owe(self, at_ns: int, number: int, fate: Fate) -> None:
        if self._delay_ns:
            self._due.append((at_ns + self._delay_ns, number, fate))
        else:
            self.tell(number, fate)

    def tell(self, number: int, fate: Fate) -> None:
        """At once."""
        if self.ready:
            first, last, same = self.ready[-1]
            if last == number - 1 and same is fate:
                self.ready[-1] = (first, number, fate)
                return
        self.ready.append((number, number, fate))

    def next_ns(self) -> int | None:
        return self._due[0][0] if self._due else None

    def advance(self, to_ns: int) -> None:
        while self._due and self._due[0][0] <= to_ns:
            _, number, fate = self._due.popleft()
            self.tell(number, fate)
