"""The pika client's connection: one for each child process."""

from collections.abc import Sequence

from brokerbench.contract import BadTarget, Event, Session

from .consumer import PikaConsumer
from .link import Link
from .producer import PikaProducer

__all__ = ["PikaConnection"]


class PikaConnection:
    """One AMQP connection; each producer and each consumer has a channel of its own on it."""

    def __init__(self, session: Session) -> None:
        role = f"{session.group}-{session.index}" if session.group else f"producer-{session.index}"
        self._session = session
        self._link = Link(session.endpoints.address, f"{session.endpoints.destination} {role}")

    def producer(self, lanes: int = 1) -> PikaProducer:
        self._one(lanes)
        return PikaProducer(self._link, self._session)

    def consumer(self, lanes: int = 1) -> PikaConsumer:
        self._one(lanes)
        return PikaConsumer(self._link, self._session)

    def events(self) -> Sequence[Event]:
        return self._link.take_events()

    def close(self) -> None:
        self._link.close()

    @staticmethod
    def _one(lanes: int) -> None:
        if lanes != 1:
            raise BadTarget(
                f"the pika client has one lane a process, asked were {lanes}: use more producers or consumers"
            )
