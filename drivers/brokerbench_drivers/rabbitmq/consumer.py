"""Consuming with pika: what has arrived is handed on at once, blocks are acknowledged with one frame."""

from typing import Any

import numpy as np

from brokerbench.contract import Deliveries, Session, Settle

from .layout import reading
from .link import Link
from .unsettled import Unsettled

__all__ = ["PikaConsumer"]


class PikaConsumer:
    def __init__(self, link: Link, session: Session) -> None:
        assert session.group is not None
        self._link = link
        self._pump = link.pump
        settings = session.settings
        self._auto_ack: bool = settings.auto_ack
        self._is_stream: bool = settings.is_stream
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
        self._channel.basic_consume(
            queue, self._on_message, self._auto_ack, arguments=reading(settings), callback=answered.append
        )
        link.set_up(lambda: answered, f"messages of {queue!r}")

    def receive(self, timeout_s: float) -> Deliveries:
        if not self._bodies:
            self._pump.until(lambda: self._bodies or self._link.lost, timeout_s)
        if not self._bodies:
            self._link.check()
            return Deliveries(0, payloads=())
        tags, bodies, redelivered = self._tags, self._bodies, self._redelivered
        self._tags, self._bodies, self._redelivered = [], [], []
        if self._is_stream:
            self._channel.basic_ack(tags[-1], multiple=True)  # asks for more; a stream forgets nothing by it
            self._pump.flush()
            return Deliveries(len(bodies), payloads=bodies)
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
        self._link.end(self._channel)

    def _on_message(self, _channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        self._tags.append(method.delivery_tag)
        self._bodies.append(body)
        self._redelivered.append(method.redelivered)
