"""Publishing with pika, without ever waiting for a confirm (its BlockingChannel waits for each one)."""

from typing import Any

import pika
from pika.spec import Basic

from brokerbench.contract import NO_CONFIRMS, Confirms, Fate, Session

from .link import Link, reason
from .publishing import Publishing

__all__ = ["PikaProducer"]


class PikaProducer(Publishing):
    def __init__(self, link: Link, session: Session) -> None:
        super().__init__(session)
        self._link = link
        self._pump = link.pump
        self._properties = pika.BasicProperties(delivery_mode=self._delivery_mode, headers=self._headers)
        self._channel = link.channel()
        if self._confirms:
            selected: list[object] = []
            self._channel.add_on_return_callback(self._on_return)
            self._channel.confirm_delivery(self._on_answer, callback=selected.append)
            link.set_up(lambda: selected, "confirms")

    def confirms(self, timeout_s: float) -> Confirms:
        self._pump.step(0.0 if self._answers.ranges else timeout_s)
        if not self._answers.ranges:
            self._link.check()
            return NO_CONFIRMS
        return Confirms.of(self._answers.take())

    def close(self) -> None:
        self._link.end(self._channel)

    def _halted(self) -> bool:
        return self._link.blocked or self._link.lost is not None

    def _check(self) -> None:
        self._link.check()

    def _write(self) -> bool:
        self._pump.flush()
        return not self._pump.writing

    def _publish(self, payloads: list[bytes]) -> int:
        publish, exchange, key, properties = self._channel.basic_publish, self._exchange, self._key, self._properties
        published = 0
        try:
            for payload in payloads:
                publish(exchange, key, payload, properties, self._confirms)
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
