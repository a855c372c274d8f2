"""The hiredis client's connection: one for each child process, one socket in it."""

from collections.abc import Sequence

from brokerbench.contract import BadTarget, Event, Session

from .link import Link
from .list_consumer import ListConsumer
from .producer import Producer
from .stream_consumer import StreamConsumer

__all__ = ["RedisConnection"]


class RedisConnection:
    def __init__(self, session: Session) -> None:
        self._session = session
        role = f"{session.group}-{session.index}" if session.group else f"producer-{session.index}"
        self._link = Link(session.endpoints.address, f"{session.endpoints.destination}-{role}")
        self._parts: list[Producer | StreamConsumer | ListConsumer] = []

    def producer(self, lanes: int = 1) -> Producer:
        self._one(lanes)
        made = Producer(self._link, self._session)
        self._parts.append(made)
        return made

    def consumer(self, lanes: int = 1) -> StreamConsumer | ListConsumer:
        self._one(lanes)
        of = StreamConsumer if self._session.settings.structure == "stream" else ListConsumer
        made = of(self._link, self._session)
        self._parts.append(made)
        return made

    def events(self) -> Sequence[Event]:
        return self._link.take_events()

    def close(self) -> None:
        for part in self._parts:
            part.close()
        self._link.close()

    def _one(self, lanes: int) -> None:
        if lanes != 1 or self._parts:
            raise BadTarget("the hiredis client has one lane a connection: use more producers or consumers")
