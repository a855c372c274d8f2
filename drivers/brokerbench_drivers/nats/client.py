"""The client side in a child: one nats-py connection, and its consumer."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from brokerbench.contract import BadTarget, Consumer, Deliveries, Event, Producer, Session, Settle
from brokerbench.inbox import Inbox
from brokerbench_drivers._loop import Pump

from .link import CONNECT_S, FLUSH_S, Link
from .names import wire_bytes
from .producers import CoreProducer, JetStreamProducer

__all__ = ["NatsConnection"]

_SETTLE = {Settle.ACCEPT: b"+ACK", Settle.REQUEUE: b"-NAK", Settle.REJECT: b"+TERM"}
_MOST = 8192
_EXPIRES_NS = 30 * 10**9  # of a request for messages; then the server says how many it did not give
_EXPIRED = "408"
_WAITING = 65536  # messages that wait for the engine; beyond it nats-py's own pending limits begin to count


class NatsConnection:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._link = Link(session.endpoints.address, f"brokerbench {session.group or 'producer'} {session.index}")
        most = self._link.client.max_payload
        size = session.size_bytes + wire_bytes(session.headers)
        if size > most:
            self._link.close()
            raise BadTarget(f"this NATS server takes messages up to {most} B, not {size} B: raise max_payload")
        self._parts: list[Producer | Consumer] = []

    def producer(self, lanes: int = 1) -> Producer:
        kind = JetStreamProducer if self._session.settings.mode == "jetstream" else CoreProducer
        made = kind(self._link, self._session)
        self._parts.append(made)
        return made

    def consumer(self, lanes: int = 1) -> Consumer:
        pulls = self._session.settings.mode == "jetstream" and self._session.settings.fetch is not None
        made = (PullConsumer if pulls else NatsConsumer)(self._link, self._session)
        self._parts.append(made)
        return made

    def events(self) -> Sequence[Event]:
        return self._link.take_events()

    def close(self) -> None:
        for part in self._parts:
            part.close()
        self._link.close()


class NatsConsumer:
    """A queue subscription: to the subject itself (core), or to where a durable push consumer delivers (JetStream)."""

    def __init__(self, link: Link, session: Session) -> None:
        assert session.group is not None
        self._link = link
        self._inbox = Inbox()
        self._has_room = asyncio.Event()
        self._full = False
        self._first_time = ""
        self._pump = Pump(link.thread, link.lose)
        self._jetstream = session.settings.mode == "jetstream"
        queue = session.endpoints.groups[session.group]
        subject = (
            session.endpoints.extra["deliver"][session.group] if self._jetstream else session.endpoints.destination
        )
        link.on_lost(self._inbox.fail)
        self._session = session
        self._subscription: Any = link.wait(self._subscribe(subject, queue))

    async def _subscribe(self, subject: str, queue: str) -> Any:
        client = self._link.client
        if self._jetstream:  # max_ack_pending is the limit
            made = await client.subscribe(subject, queue, self._on_stored, pending_msgs_limit=0, pending_bytes_limit=0)
        else:
            made = await client.subscribe(subject, queue, self._on_message)
        await self._link.round_trip(CONNECT_S)
        return made

    async def _on_message(self, message: Any) -> None:
        self._inbox.put(message.data)
        if len(self._inbox) >= _WAITING:
            self._has_room.clear()
            self._full = True
            await self._has_room.wait()

    async def _on_stored(self, message: Any) -> None:
        self._inbox.put(message.data, message.reply)

    def receive(self, timeout_s: float) -> Deliveries:
        deliveries = self._inbox.receive(timeout_s, _MOST)
        if self._full and len(self._inbox) < _WAITING // 2:
            self._full = False
            self._link.thread.call(self._has_room.set)
        if not self._jetstream:
            deliveries.tokens = None
        elif deliveries.count:
            first_time = self._first_time or self._learn(deliveries.tokens[0])
            again = [not token.startswith(first_time) for token in deliveries.tokens]
            deliveries.redelivered = np.array(again, dtype=np.bool_)
        return deliveries

    def _learn(self, token: str) -> str:
        """How the acknowledge subject of a first delivery begins: all before the count is the same for each message."""
        parts = token.split(".")
        count = 4 if len(parts) == 9 else 6  # $JS.ACK.[domain.account.]stream.consumer.count...
        self._first_time = ".".join([*parts[:count], "1", ""])
        return self._first_time

    def settle(self, tokens: Any, how: Settle) -> None:
        self._link.check()
        if tokens is not None and len(tokens):
            word = _SETTLE[how]
            self._pump.offer(lambda: self._answer(tokens, word))

    async def _answer(self, tokens: Sequence[str], word: bytes) -> None:
        publish = self._link.client.publish
        for token in tokens:
            await publish(token, word)

    def close(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None and self._link.usable:
            self._link.attempt(self._leave(subscription))

    async def _leave(self, subscription: Any) -> None:
        await self._pump.drained()
        await subscription.unsubscribe()
        await self._link.round_trip(FLUSH_S)


class PullConsumer(NatsConsumer):
    """Asks for the next messages as soon as half of those asked for have come. The protocol's own request is used:
    nats-py's fetch would wait until all of them are there."""

    async def _subscribe(self, subject: str, queue: str) -> Any:
        endpoints, client = self._session.endpoints, self._link.client
        self._request = f"$JS.API.CONSUMER.MSG.NEXT.{endpoints.extra['stream']}.{queue}"
        self._most = min(self._session.settings.fetch, self._session.prefetch)
        self._coming = 0
        self._reply = client.new_inbox()
        made = await client.subscribe(self._reply, "", self._on_pulled, pending_msgs_limit=0, pending_bytes_limit=0)
        await self._ask()
        await self._link.round_trip(CONNECT_S)
        return made

    async def _ask(self) -> None:
        wanted = self._most - self._coming
        self._coming += wanted
        asked = json.dumps({"batch": wanted, "expires": _EXPIRES_NS})
        await self._link.client.publish(self._request, asked.encode(), reply=self._reply)

    async def _on_pulled(self, message: Any) -> None:
        status = (message.headers or {}).get("Status")
        if status is None:
            self._inbox.put(message.data, message.reply)
            self._coming -= 1
        elif status == _EXPIRED:
            self._coming -= int(message.headers.get("Nats-Pending-Messages", 0))
        else:
            self._link.lose(ConnectionError(f"the server ended a pull: {status} {message.headers.get('Description')}"))
            return
        if self._coming <= self._most // 2 and self._link.usable:
            await self._ask()
