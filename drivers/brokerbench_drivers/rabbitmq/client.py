"""The pika client's connection: one for each child process."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench.contract import Event, Producer, Session

from .address import node_of
from .consumer import PikaConsumer
from .lanes import Lanes
from .layout import connection_name, one_lane
from .link import Link
from .producer import PikaProducer
from .recovering import when_recovered

__all__ = ["PikaConnection"]


class PikaConnection:
    """One AMQP connection; each producer and each consumer has a channel of its own on it. A producer of
    several lanes has a connection for each instead."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._link = self._open()
        self._lanes: Lanes | None = None

    def producer(self, lanes: int = 1) -> Producer:
        if lanes == 1:
            return PikaProducer(self._link, self._session)
        self._link.close()  # so that the broker has as many as there are lanes
        self._lanes = Lanes(self._address(), self._session, lanes)
        return self._lanes

    def consumer(self, lanes: int = 1) -> PikaConsumer:
        one_lane("pika", lanes)
        return when_recovered(lambda: PikaConsumer(self._link, self._session), self._reopen)

    def events(self) -> Sequence[Event]:
        return (self._lanes or self._link).take_events()

    def close(self) -> None:
        if self._lanes is not None:
            self._lanes.close()
        self._link.close()

    def _address(self) -> Mapping[str, Any]:
        return node_of(self._session)

    def _open(self) -> Link:
        return Link(self._address(), connection_name(self._session))

    def _reopen(self) -> None:
        self._link.close()
        self._link = self._open()
