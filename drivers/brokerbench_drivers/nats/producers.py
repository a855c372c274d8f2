"""Publishing with nats-py, in bursts on its loop; JetStream's answers come back as ranges of numbers."""

from functools import partial
from typing import Any

import numpy as np

from brokerbench.contract import NO_CONFIRMS, Confirms, Fate, Session
from brokerbench.inbox import Mailbox
from brokerbench_drivers._bursts import BurstProducer

from .link import CONNECT_S, FLUSH_S, Link

__all__ = ["CoreProducer", "JetStreamProducer"]

_MOST = 16384


class _NatsProducer(BurstProducer[Link]):
    """What has left: those that went (core), or were answered (JetStream)."""

    def __init__(self, link: Link, session: Session) -> None:
        super().__init__(link, session)
        self._subject = session.endpoints.destination
        publish = link.client.publish
        self._publish = partial(publish, headers=dict(session.headers)) if session.headers else publish

    async def _flush(self) -> None:
        await self._pump.drained()
        await self._link.round_trip(FLUSH_S)


class CoreProducer(_NatsProducer):
    """Handed over once nats-py has it; nats-py stops taking while the socket does, so `room` follows the socket."""

    def __init__(self, link: Link, session: Session) -> None:
        super().__init__(link, session)
        self._went: Mailbox[None] = Mailbox()
        link.on_lost(self._went.fail)

    async def _burst(self, payloads: list[bytes], first: int) -> None:
        publish, subject = self._publish, self._subject
        for payload in payloads:
            await publish(subject, payload)
        self._left += len(payloads)
        self._went.post(None)

    def confirms(self, timeout_s: float) -> Confirms:
        """Nobody confirms: returns when there may be more room."""
        self._went.take(timeout_s, _MOST)
        return NO_CONFIRMS


class JetStreamProducer(_NatsProducer):
    """Publishes with a reply subject that ends in the message's number; one subscription hears all the answers."""

    def __init__(self, link: Link, session: Session) -> None:
        super().__init__(link, session)
        self._answers: Mailbox[int] = Mailbox()
        self._reply = link.client.new_inbox() + "."
        link.on_lost(self._answers.fail)
        link.wait(self._listen())

    async def _listen(self) -> None:
        client = self._link.client
        await client.subscribe(self._reply + "*", cb=self._on_answer, pending_msgs_limit=0, pending_bytes_limit=0)
        await self._link.round_trip(CONNECT_S)

    async def _on_answer(self, message: Any) -> None:
        ordinal = int(message.subject[len(self._reply) :])
        # An empty answer: no stream listens on the subject. The sign tells a refusal, so a number is all we keep.
        refused = not message.data or b'"error"' in message.data
        self._answers.post(~ordinal if refused else ordinal)

    async def _burst(self, payloads: list[bytes], first: int) -> None:
        publish, subject, reply = self._publish, self._subject, self._reply
        for ordinal, payload in enumerate(payloads, first):
            await publish(subject, payload, reply + str(ordinal))

    def confirms(self, timeout_s: float) -> Confirms:
        answers = self._answers.take(timeout_s, _MOST)
        self._left += len(answers)
        return _ranges(answers) if answers else NO_CONFIRMS


def _ranges(answers: list[int]) -> Confirms:
    """Answers mostly come in order, so a run of neighbours with one fate is one row."""
    signed = np.array(answers, dtype=np.int64)
    refused = signed < 0
    ordinals = np.where(refused, ~signed, signed)
    breaks = np.flatnonzero((np.diff(ordinals) != 1) | (refused[1:] != refused[:-1]))
    starts, ends = np.concatenate(([0], breaks + 1)), np.concatenate((breaks, [len(ordinals) - 1]))
    fate = np.where(refused[starts], Fate.REFUSED.value, Fate.CONFIRMED.value).astype(np.uint8)
    return Confirms(ordinals[starts], ordinals[ends], fate)
