"""The client side in a child: one STOMP connection."""

from collections.abc import Sequence

from brokerbench.contract import Consumer, Event, Producer, Session

from .consumer import StompConsumer
from .link import Link
from .producer import StompProducer

__all__ = ["StompConnection"]


class StompConnection:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._link = Link(session.endpoints.address)

    def producer(self, lanes: int = 1) -> Producer:
        return StompProducer(self._link, self._session)

    def consumer(self, lanes: int = 1) -> Consumer:
        return StompConsumer(self._link, self._session)

    def events(self) -> Sequence[Event]:
        return self._link.take_events()

    def close(self) -> None:
        self._link.close()
