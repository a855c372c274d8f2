"""The pika client: a producer that never waits for a confirm, a consumer that settles blocks at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pika
from pika.spec import Basic

from brokerbench.contract import (
    NO_CONFIRMS,
    BadTarget,
    Batch,
    Confirms,
    Deliveries,
    Event,
    Fate,
    Session,
    Settle,
)

from .answers import Answers
from .link import Link, reason
from .unsettled import Unsettled

__all__ = ["PikaConnection", "PikaConsumer", "PikaProducer"]

# Published between two hand-overs to the socket: few enough that the broker works while we still publish, and
# that what a full socket leaves behind in pika's buffer stays small.
CHUNK_MESSAGES = 64
CHUNK_BYTES = 64 * 1024


class PikaConnection:
    """One AMQP connection; each producer and each consumer has a channel of its own on it."""

    def __init__(self, session: Session) -> None:
        role = f"{session.group}-{session.index}" if session.group else f"producer-{session.index}"
        self._session = session
        self._link = Link(session.endpoints.address, f"{session.endpoints.destination} {role}")

    def producer(self, lanes: int = 1) -> "PikaProducer":
        self._one(lanes)
        return PikaProducer(self._link, self._session)

    def consumer(self, lanes: int = 1) -> "PikaConsumer":
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


class PikaProducer:
    def __init__(self, link: Link, session: Session) -> None:
        self._link = link
        self._pump = link.pump
        self._in_flight = session.in_flight
        self._confirms: bool = session.settings.confirms
        self._answers = Answers()
        self._exchange: str = session.endpoints.extra["exchange"]
        self._key: str = session.endpoints.extra["routing_key"]
        self._properties = pika.BasicProperties(delivery_mode=2 if session.settings.persistent else 1)
        self._chunk = max(1, min(CHUNK_MESSAGES, CHUNK_BYTES // max(1, session.size_bytes)))
        self._channel = link.channel()
        if self._confirms:
            selected: list[object] = []
            self._channel.add_on_return_callback(self._on_return)
            self._channel.confirm_delivery(self._on_answer, callback=selected.append)
            link.set_up(lambda: selected, "confirms")

    def room(self) -> int:
        if self._link.blocked or self._link.lost:
            return 0
        if self._pump.writing:
            self._pump.flush()
            if self._pump.writing:
                return 0
        return self._in_flight - self._answers.outstanding

    def send(self, batch: Batch) -> int:
        self._link.check()
        take = min(self.room(), batch.count)
        if take <= 0:
            return 0
        payloads = batch.payloads()
        taken = 0
        while taken < take:
            chunk = payloads[taken : min(taken + self._chunk, take)]
            self._publish(chunk)
            taken += len(chunk)
            self._pump.flush()
            if self._pump.writing:
                break
        return taken

    def confirms(self, timeout_s: float) -> Confirms:
        self._pump.step(0.0 if self._answers.ranges else timeout_s)
        if not self._answers.ranges:
            self._link.check()
            return NO_CONFIRMS
        return Confirms.of(self._answers.take())

    def close(self) -> None:
        self._link.drain()
        _close(self._channel, self._link)

    def _publish(self, payloads: list[bytes]) -> None:
        publish, exchange, key, properties = self._channel.basic_publish, self._exchange, self._key, self._properties
        mandatory = self._confirms  # without confirms nobody asks what became of it
        if mandatory:
            self._answers.publish(payloads)
        try:
            for payload in payloads:
                publish(exchange, key, payload, properties, mandatory)
        except pika.exceptions.AMQPError as error:
            self._link.fail(reason(error))
            self._link.check()

    def _on_answer(self, frame: Any) -> None:
        method = frame.method
        fate = Fate.CONFIRMED if isinstance(method, Basic.Ack) else Fate.REFUSED
        self._answers.answer(method.delivery_tag, method.multiple, fate)

    def _on_return(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        self._answers.returned(body)


class PikaConsumer:
    def __init__(self, link: Link, session: Session) -> None:
        assert session.group is not None
        self._link = link
        self._pump = link.pump
        self._auto_ack: bool = session.settings.auto_ack
        self._unsettled = Unsettled()
        self._tags: list[int] = []
        self._bodies: list[bytes] = []
        self._redelivered: list[bool] = []
        self._channel = link.channel()
        queue = session.endpoints.groups[session.group]
        answered: list[object] = []
        if not self._auto_ack:
            self._channel.basic_qos(prefetch_count=session.prefetch, callback=answered.append)
            link.set_up(lambda: answered, "prefetch")
            answered.clear()
        self._channel.add_on_cancel_callback(lambda _: link.fail(f"the broker cancelled the consumer of {queue!r}"))
        self._channel.basic_consume(queue, self._on_message, auto_ack=self._auto_ack, callback=answered.append)
        link.set_up(lambda: answered, f"messages of {queue!r}")

    def receive(self, timeout_s: float) -> Deliveries:
        if not self._bodies:
            self._pump.until(lambda: self._bodies or self._link.lost, timeout_s)
        if not self._bodies:
            self._link.check()
            return Deliveries(0, payloads=())
        tags, bodies, redelivered = self._tags, self._bodies, self._redelivered
        self._tags, self._bodies, self._redelivered = [], [], []
        return Deliveries(
            len(bodies),
            payloads=bodies,
            tokens=None if self._auto_ack else tags,
            redelivered=np.array(redelivered, dtype=np.bool_),
        )

    def settle(self, tokens: Any, how: Settle) -> None:
        if tokens is None or len(tokens) == 0:
            return
        self._link.check()
        for tag, multiple in self._unsettled.settle([int(tag) for tag in tokens]):
            if how is Settle.ACCEPT:
                self._channel.basic_ack(tag, multiple)
            else:
                self._channel.basic_nack(tag, multiple, requeue=how is Settle.REQUEUE)
        self._pump.flush()

    def close(self) -> None:
        self._link.drain()
        _close(self._channel, self._link)

    def _on_message(self, _channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        self._tags.append(method.delivery_tag)
        self._bodies.append(body)
        self._redelivered.append(method.redelivered)


def _close(channel: Any, link: Link) -> None:
    if channel.is_open and link.lost is None:
        channel.close()
        link.pump.until(lambda: channel.is_closed or link.lost, 5.0)
