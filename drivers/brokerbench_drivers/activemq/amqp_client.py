"""The client side in a child: one AMQP 1.0 connection."""

from collections.abc import Sequence

from brokerbench.contract import Consumer, Event, Producer, Session

from .amqp_consumer import AmqpConsumer
from .amqp_link import Link
from .amqp_producer import AmqpProducer

__all__ = ["AmqpConnection"]


class AmqpConnection:
    def __init__(self, session: Session) -> None:
        """Raises BadTarget."""
        self._session = session
        self._link = Link(session.endpoints.address)

    def producer(self, lanes: int = 1) -> Producer:
        return AmqpProducer(self._link, self._session)

    def consumer(self, lanes: int = 1) -> Consumer:
        return AmqpConsumer(self._link, self._session)

    def events(self) -> Sequence[Event]:
        return self._link.take_events()

    def close(self) -> None:
        self._link.close()
