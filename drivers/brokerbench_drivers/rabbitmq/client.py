"""The pika client's connection: one for each child process."""

from collections.abc import Sequence

from brokerbench.contract import Event, Session

from .address import node_of
from .consumer import PikaConsumer
from .layout import connection_name, one_lane
from .link import Link
from .producer import PikaProducer
from .recovering import when_recovered

__all__ = ["PikaConnection"]


class PikaConnection:
    """One AMQP connection; each producer and each consumer has a channel of its own on it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._link = self._open()

    def producer(self, lanes: int = 1) -> PikaProducer:
        one_lane("pika", lanes)
        return PikaProducer(self._link, self._session)

    def consumer(self, lanes: int = 1) -> PikaConsumer:
        one_lane("pika", lanes)
        return when_recovered(lambda: PikaConsumer(self._link, self._session), self._reopen)

    def events(self) -> Sequence[Event]:
        return self._link.take_events()

    def close(self) -> None:
        self._link.close()

    def _open(self) -> Link:
        return Link(node_of(self._session.endpoints.address, self._session.index), connection_name(self._session))

    def _reopen(self) -> None:
        self._link.close()
        self._link = self._open()
