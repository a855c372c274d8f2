"""Publishing on an asyncio loop: each batch that the engine sends is one burst there."""

from collections.abc import Coroutine
from typing import Any, Generic, Protocol, TypeVar

from brokerbench.contract import Batch, Session

from ._loop import LoopThread, Pump

__all__ = ["BurstProducer"]


class _Link(Protocol):
    thread: LoopThread

    @property
    def usable(self) -> bool: ...

    def lose(self, error: Exception) -> None: ...

    def check(self) -> None: ...

    def attempt(self, work: Coroutine[Any, Any, object]) -> None: ...


L = TypeVar("L", bound=_Link)


class BurstProducer(Generic[L]):
    """Messages are numbered as taken; `_left` counts those that hold no place in flight any more."""

    def __init__(self, link: L, session: Session) -> None:
        self._link = link
        self._in_flight = session.in_flight
        self._taken = self._left = 0
        self._pump = Pump(link.thread, link.lose)
        self._closed = False

    def room(self) -> int:
        return self._in_flight - (self._taken - self._left)

    def send(self, batch: Batch) -> int:
        self._link.check()
        room = self.room()
        if room <= 0:
            return 0
        payloads = batch.payloads()[:room]
        first = self._taken
        self._taken += len(payloads)
        self._pump.offer(lambda: self._burst(payloads, first))
        return len(payloads)

    async def _burst(self, payloads: list[bytes], first: int) -> None:
        """On the loop; `first` is the number of the first of them."""
        raise NotImplementedError

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._link.usable:
            self._link.attempt(self._flush())

    async def _flush(self) -> None:
        """On the loop: the broker has taken all that was offered."""
        raise NotImplementedError
