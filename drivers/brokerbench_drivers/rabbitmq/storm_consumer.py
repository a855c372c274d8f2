"""Consuming with amqpstorm: what its reading thread has put together is handed on at once."""

from typing import Any

import numpy as np

from brokerbench.contract import Deliveries, Session, Settle
from brokerbench.inbox import Inbox

from .layout import reading
from .storm_content import Content
from .storm_link import StormLink
from .unsettled import Unsettled

__all__ = ["StormConsumer"]

CONTENT = frozenset({"ContentHeader", "ContentBody"})


class StormConsumer:
    def __init__(self, link: StormLink, session: Session) -> None:
        assert session.group is not None
        settings = session.settings
        self._link = link
        self._auto_ack: bool = settings.auto_ack
        self._is_stream: bool = settings.is_stream
        self._unsettled = Unsettled()
        self._inbox = Inbox()
        self._content = Content()
        self._queue = session.endpoints.groups[session.group]
        self._channel = link.channel(self._inbox, self._on_frame)
        basic = self._channel.basic
        if not self._auto_ack:
            link.ask(lambda: basic.qos(session.prefetch), "prefetch")
        link.ask(
            lambda: basic.consume(queue=self._queue, no_ack=self._auto_ack, arguments=reading(settings)),
            f"messages of {self._queue!r}",
        )

    def receive(self, timeout_s: float) -> Deliveries:
        self._link.amqp.flush()
        deliveries = self._inbox.receive(timeout_s)
        if not deliveries.count:
            self._link.check(self._channel)
            return deliveries
        tags, redelivered = zip(*deliveries.tokens, strict=True)
        deliveries.tokens = None
        if self._is_stream:
            # Asks for more; a stream forgets nothing by it.
            self._link.tell(lambda: self._channel.basic.ack(tags[-1], multiple=True))
            return deliveries
        if not self._auto_ack:
            deliveries.tokens = tags
        deliveries.redelivered = np.array(redelivered, dtype=np.bool_)
        return deliveries

    def settle(self, tokens: Any, how: Settle) -> None:
        if tokens is None or len(tokens) == 0:
            return
        self._link.check(self._channel)
        self._link.tell(lambda: self._settle([int(tag) for tag in tokens], how))

    def _settle(self, tags: list[int], how: Settle) -> None:
        basic = self._channel.basic
        for tag, multiple in self._unsettled.settle(tags):
            if how is Settle.ACCEPT:
                basic.ack(tag, multiple)
            else:
                basic.nack(tag, multiple, requeue=how is Settle.REQUEUE)

    def close(self) -> None:
        self._link.end(self._channel)

    def _on_frame(self, frame: Any) -> bool:
        """On amqpstorm's reading thread."""
        name = frame.name
        if name in CONTENT:
            if (whole := self._content.add(frame)) is not None:
                method, body = whole
                self._inbox.put(body, (method.delivery_tag, method.redelivered))
        elif name == "Basic.Deliver":
            self._content.begin(frame)
        elif name == "Basic.Cancel":
            self._link.fail(f"the broker cancelled the consumer of {self._queue!r}")
        else:
            return False
        return True
