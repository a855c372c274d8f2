"""The rstream client's connection: one for each child process, over the stream protocol."""

from collections.abc import Sequence

from brokerbench.contract import BadTarget, Consumer, Event, Producer, Session

from .address import node_of
from .layout import connection_name, one_lane
from .promise import refusal
from .recovering import when_recovered
from .rstream_consumer import RstreamConsumer
from .rstream_link import FRAME_MAX, RstreamLink
from .rstream_producer import FRAME_BYTES, MESSAGE_BYTES, RstreamProducer

__all__ = ["RstreamConnection"]


class RstreamConnection:
    def __init__(self, session: Session) -> None:
        most = FRAME_MAX - FRAME_BYTES - MESSAGE_BYTES
        if why := refusal(session.settings):
            raise BadTarget(why)
        if session.size_bytes > most:
            raise BadTarget(f"rstream sends messages up to {most} B, not {session.size_bytes} B: use client: pika")
        self._session = session
        self._parts: list[Producer | Consumer] = []
        self._link = self._open()

    def producer(self, lanes: int = 1) -> RstreamProducer:
        one_lane("rstream", lanes)
        made = RstreamProducer(self._link, self._session)
        self._parts.append(made)
        return made

    def consumer(self, lanes: int = 1) -> RstreamConsumer:
        one_lane("rstream", lanes)
        made = when_recovered(lambda: RstreamConsumer(self._link, self._session), self._reopen)
        self._parts.append(made)
        return made

    def events(self) -> Sequence[Event]:
        return self._link.take_events()

    def close(self) -> None:
        for part in self._parts:
            part.close()
        self._link.close()

    def _open(self) -> RstreamLink:
        session = self._session
        address = node_of(session)
        stream = session.endpoints.extra["routing_key"]
        return RstreamLink(address, connection_name(session), stream, to_leader=session.group is None)

    def _reopen(self) -> None:
        self._link.close()
        self._link = self._open()
