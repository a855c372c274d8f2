"""What a producer over AMQP does with batches, whichever library writes the frames: room, chunks, answers."""

from abc import ABC, abstractmethod
from typing import Any

from brokerbench.contract import Batch, ConnectionLost, Session

from .answers import Answers

__all__ = ["Publishing"]

# Published between two hand-overs to the socket: few enough that the broker works while we still publish, and
# that what a full socket leaves behind in the library's buffer stays small.
CHUNK_MESSAGES = 64
CHUNK_BYTES = 64 * 1024


class Publishing(ABC):
    def __init__(self, session: Session) -> None:
        self._in_flight = session.in_flight
        self._confirms: bool = session.settings.confirms
        self._delivery_mode = 2 if session.settings.persistent else 1
        self._headers: dict[str, Any] | None = dict(session.headers) or None
        self._answers = Answers()
        self._exchange: str = session.endpoints.extra["exchange"]
        self._key: str = session.endpoints.extra["routing_key"]
        self._chunk = max(
            1, min(CHUNK_MESSAGES, CHUNK_BYTES // max(1, round(session.mean_bytes or session.size_bytes)))
        )

    def room(self) -> int:
        if self._halted() or not self._flushed():
            return 0
        return self._in_flight - self._answers.outstanding

    def send(self, batch: Batch) -> int:
        self._check()
        take = min(self.room(), batch.count)
        if take <= 0:
            return 0
        payloads = batch.payloads()
        taken = 0
        while taken < take:
            chunk = payloads[taken : min(taken + self._chunk, take)]
            if self._confirms:  # without confirms nobody asks what became of it
                self._answers.publish(chunk)
            published = self._publish(chunk)
            taken += published
            if published < len(chunk) or not self._flushed():
                break
        if not taken:
            self._check()
        return taken

    @abstractmethod
    def _halted(self) -> bool:
        """The broker takes nothing now, or the connection is gone."""

    @abstractmethod
    def _check(self) -> None:
        """Raises ConnectionLost."""

    @abstractmethod
    def _publish(self, payloads: list[bytes]) -> int:
        """How many were given to the library: fewer when the connection broke among them."""

    @abstractmethod
    def _write(self) -> bool:
        """Hand on what the socket takes; whether that was all. Raises ConnectionLost."""

    def _flushed(self) -> bool:
        """A connection lost here is told by the next call: what was taken is taken."""
        try:
            return self._write()
        except ConnectionLost:
            return False
