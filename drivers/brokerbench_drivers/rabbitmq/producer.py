"""Publishing with pika, without ever waiting for a confirm (its BlockingChannel waits for each one)."""

from typing import Any

import pika
from pika.spec import Basic

from brokerbench.contract import NO_CONFIRMS, Batch, Confirms, ConnectionLost, Fate, Session

from .answers import Answers
from .link import Link, reason

__all__ = ["PikaProducer"]

# Published between two hand-overs to the socket: few enough that the broker works while we still publish, and
# that what a full socket leaves behind in pika's buffer stays small.
CHUNK_MESSAGES = 64
CHUNK_BYTES = 64 * 1024


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
            published = self._publish(chunk)
            taken += published
            if published < len(chunk) or not self._flushed():
                break
        if not taken:
            self._link.check()
        return taken

    def _flushed(self) -> bool:
        """Whether all is written. A connection lost here is told by the next call: what was taken is taken."""
        try:
            self._pump.flush()
        except ConnectionLost:
            return False
        return not self._pump.writing

    def confirms(self, timeout_s: float) -> Confirms:
        self._pump.step(0.0 if self._answers.ranges else timeout_s)
        if not self._answers.ranges:
            self._link.check()
            return NO_CONFIRMS
        return Confirms.of(self._answers.take())

    def close(self) -> None:
        self._link.end(self._channel)

    def _publish(self, payloads: list[bytes]) -> int:
        """How many were given to pika: fewer when the connection broke among them."""
        publish, exchange, key, properties = self._channel.basic_publish, self._exchange, self._key, self._properties
        mandatory = self._confirms  # without confirms nobody asks what became of it
        if mandatory:
            self._answers.publish(payloads)
        published = 0
        try:
            for payload in payloads:
                publish(exchange, key, payload, properties, mandatory)
                published += 1
        except pika.exceptions.AMQPError as error:
            self._link.fail(reason(error))
        return published

    def _on_answer(self, frame: Any) -> None:
        method = frame.method
        fate = Fate.CONFIRMED if isinstance(method, Basic.Ack) else Fate.REFUSED
        self._answers.answer(method.delivery_tag, method.multiple, fate)

    def _on_return(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        self._answers.returned(body)
