"""Sending over AMQP 1.0: unsettled transfers, whose outcomes are the confirms."""

from proton import Delivery
from proton import Link as ProtonLink

from brokerbench.contract import Batch, Confirms, Session
from brokerbench_drivers._ranges import confirms_of

from .amqp_link import Link
from .amqp_messages import head_of
from .names import amqp_node

__all__ = ["AmqpProducer"]

_SOON_S = 0.001  # while something waits for the socket, look again


class AmqpProducer:
    """A transfer's tag is its message's number. The link's credit, which is the broker's, bounds what is sent too."""

    def __init__(self, link: Link, session: Session) -> None:
        settings = session.settings
        self._link = link
        self._confirming: bool = settings.confirms
        self._in_flight = session.in_flight
        self._head = head_of(bool(settings.persistent), session.headers)
        self._next = self._answered = 0
        self._accepted: list[int] = []
        self._refused: list[int] = []
        target = amqp_node(settings.product, session.endpoints.destination)
        sender = self._sender = link.session.sender(f"to {target}")
        sender.target.address = target
        sender.snd_settle_mode = ProtonLink.SND_UNSETTLED if self._confirming else ProtonLink.SND_SETTLED
        link.on_delivery = self._on_outcome
        link.attach(sender, target, lambda: sender.credit > 0)

    def _on_outcome(self, delivery: Delivery) -> None:
        if delivery.updated:
            accepted = delivery.remote_state == Delivery.ACCEPTED
            (self._accepted if accepted else self._refused).append(int(delivery.tag))
            delivery.settle()

    def room(self) -> int:
        if self._link.behind:
            return 0
        left = self._in_flight - (self._next - self._answered) if self._confirming else self._in_flight
        return int(min(left, self._sender.credit))

    def send(self, batch: Batch) -> int:
        self._link.check()
        count = min(batch.count, self.room())
        if count <= 0:
            return 0
        sender, head, presettled = self._sender, self._head, not self._confirming
        payloads = batch.payloads()[:count]
        keys = [None] * count if batch.keys is None else [key.decode("latin-1") for key in batch.keys[:count]]
        for number, (payload, key) in enumerate(zip(payloads, keys, strict=True), self._next):
            delivery = sender.delivery(str(number))
            sender.stream(head(len(payload), key) + payload)
            sender.advance()
            if presettled:
                delivery.settle()
        self._next += count
        self._link.flush()
        return count

    def confirms(self, timeout_s: float) -> Confirms:
        waiting = self._accepted or self._refused
        self._link.step(0.0 if waiting else min(timeout_s, _SOON_S) if self._link.behind else timeout_s)
        accepted, self._accepted = self._accepted, []
        refused, self._refused = self._refused, []
        self._answered += len(accepted) + len(refused)
        if not accepted and not refused:
            self._link.check()
        return confirms_of(accepted, refused)

    def close(self) -> None:
        self._link.close()
