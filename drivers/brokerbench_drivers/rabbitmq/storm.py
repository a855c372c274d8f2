"""The amqpstorm client's connection: one for each child process."""

from collections.abc import Sequence

from brokerbench.contract import Event, Session

from .address import node_of
from .layout import connection_name, one_lane
from .recovering import when_recovered
from .storm_consumer import StormConsumer
from .storm_link import StormLink
from .storm_producer import StormProducer

__all__ = ["StormConnection"]


class StormConnection:
    """One AMQP connection; each producer and each consumer has a channel of its own on it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._link = self._open()

    def producer(self, lanes: int = 1) -> StormProducer:
        one_lane("amqpstorm", lanes)
        return StormProducer(self._link, self._session)

    def consumer(self, lanes: int = 1) -> StormConsumer:
        one_lane("amqpstorm", lanes)
        return when_recovered(lambda: StormConsumer(self._link, self._session), self._reopen)

    def events(self) -> Sequence[Event]:
        return self._link.take_events()

    def close(self) -> None:
        self._link.close()

    def _open(self) -> StormLink:
        return StormLink(node_of(self._session), connection_name(self._session))

    def _reopen(self) -> None:
        self._link.close()
        self._link = self._open()
