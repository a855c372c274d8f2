"""Receiving over AMQP 1.0: as much credit as prefetch has left, an outcome for each message."""

from typing import Any

import numpy as np
from proton import Delivery
from proton import Link as ProtonLink

from brokerbench.contract import NO_DELIVERIES, Deliveries, Session, Settle

from .amqp_link import Link
from .amqp_messages import Reader
from .names import amqp_node, subscribed

__all__ = ["AmqpConsumer"]

_OUTCOMES = {Settle.ACCEPT: Delivery.ACCEPTED, Settle.REQUEUE: Delivery.MODIFIED, Settle.REJECT: Delivery.REJECTED}


class AmqpConsumer:
    def __init__(self, link: Link, session: Session) -> None:
        assert session.group is not None
        settings = session.settings
        self._link = link
        self._settling = settings.ack != "auto"
        self._flagged = settings.product == "classic"  # Artemis does not flag every one
        self._reader = Reader(session.size_bytes)
        self._came: list[tuple[bytes, Delivery]] = []
        source = amqp_node(settings.product, subscribed(session.endpoints, settings.product, session.group))
        receiver = self._receiver = link.session.receiver(f"from {source} {session.index}")
        receiver.source.address = source
        receiver.snd_settle_mode = ProtonLink.SND_UNSETTLED if self._settling else ProtonLink.SND_SETTLED
        link.on_delivery = self._on_message
        link.attach(receiver, source, lambda: receiver.remote_source.address is not None)
        receiver.flow(session.prefetch)
        link.step(0.0)

    def _on_message(self, delivery: Delivery) -> None:
        if delivery.readable and not delivery.partial:
            encoded = bytes(self._receiver.recv(delivery.pending))
            self._receiver.advance()
            self._came.append((encoded, delivery))

    def receive(self, timeout_s: float) -> Deliveries:
        if not self._link.until(lambda: self._came, timeout_s):
            self._link.check()
            return NO_DELIVERIES
        came, self._came = self._came, []
        encoded, deliveries = zip(*came, strict=True)
        found = Deliveries(len(came), payloads=[*map(self._reader.payload, encoded)])
        if not self._settling:
            self._end(deliveries, None)
            return found
        found.tokens = deliveries
        if self._flagged:
            found.redelivered = np.fromiter(map(self._reader.came_before, encoded), np.bool_, len(encoded))
        return found

    def settle(self, tokens: Any, how: Settle) -> None:
        self._link.check()
        if tokens is None or len(tokens) == 0:
            return
        self._end(tokens, _OUTCOMES[how])

    def _end(self, deliveries: Any, outcome: Any) -> None:
        """Their places are free for others."""
        for delivery in deliveries:
            if outcome is not None:
                delivery.local.failed = outcome == Delivery.MODIFIED  # counted, so that it says that it comes again
                delivery.update(outcome)
            delivery.settle()
        self._receiver.flow(len(deliveries))
        self._link.flush()

    def close(self) -> None:
        self._link.close()
