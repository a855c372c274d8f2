"""A librdkafka consumer: a member of a group, whose offsets the library commits every 100 ms and when it leaves."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from confluent_kafka import Consumer as LibConsumer
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from brokerbench.contract import NO_DELIVERIES, BadTarget, ConnectionLost, Deliveries, Session, Settle

from .peers import peers_of
from .quiet import Events

__all__ = ["ConfluentConsumer"]

_JOIN_S = 45.0
_CLOSE_S = 10.0
_AT_ONCE = 10_000
_BENIGN = frozenset({KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})


class ConfluentConsumer:
    def __init__(self, client: LibConsumer, session: Session, check: Callable[[], None], events: Events) -> None:
        self._client, self._check, self._events = client, check, events
        self._topic = session.endpoints.destination
        self._partitions = session.endpoints.partitions
        assert session.group is not None
        self._group = session.endpoints.groups[session.group]
        self._settling = session.settings.commit != "received"
        self._kept: list[Message] = []
        self._turn = threading.Lock()
        self._assigned = self._closed = False

    def join(self) -> None:
        """Until this member has its share of the partitions, which may be none. The topic's first message is where a
        group starts, so nothing sent from now on is missed."""
        self._client.subscribe([self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke)
        with peers_of(self._group, self) as peers:
            deadline = time.monotonic() + _JOIN_S
            while not self._assigned:
                if time.monotonic() > deadline:
                    self.close()
                    raise BadTarget(
                        f"Kafka gave a member of group {self._group} no share within {_JOIN_S:g} s;"
                        " look at the server's log, and whether other members still poll"
                    )
                self._keep(0.02)
                for peer in peers:
                    peer.serve()

    def _on_assign(self, _client: LibConsumer, _partitions: Sequence[TopicPartition]) -> None:
        self._assigned = True

    def _on_revoke(self, _client: LibConsumer, partitions: Sequence[TopicPartition]) -> None:
        """What was kept of a partition that goes elsewhere is not ours to hand out any more: it comes again there."""
        gone = {p.partition for p in partitions}
        self._kept = [message for message in self._kept if message.partition() not in gone]

    def serve(self) -> None:
        self._keep(0)

    def _keep(self, timeout_s: float) -> None:
        if not self._turn.acquire(blocking=False):
            return  # its own caller is polling
        try:
            if not self._closed and (message := self._client.poll(timeout_s)) is not None:
                self._kept.append(message)
        finally:
            self._turn.release()

    def receive(self, timeout_s: float) -> Deliveries:
        with self._turn:
            messages: list[Message] = self._client.consume(_AT_ONCE, 0)
            if self._kept:
                messages, self._kept = self._kept + messages, []
            if not messages:
                message = self._client.poll(timeout_s)
                if message is None:
                    self._check()
                    return NO_DELIVERIES
                messages = [message, *self._client.consume(_AT_ONCE - 1, 0)]
        if any(map(Message.error, messages)):
            messages = self._without_errors(messages)
        return self._deliveries(messages) if messages else NO_DELIVERIES

    def _deliveries(self, messages: list[Message]) -> Deliveries:
        count = len(messages)
        payloads = list(map(Message.value, messages))
        if self._partitions == 1:
            partitions = np.zeros(count, np.int32)
            ends = [count - 1]
        else:
            partitions = np.fromiter(map(Message.partition, messages), np.int32, count)
            ends = [*np.flatnonzero(np.diff(partitions)).tolist(), count - 1]
        # Offsets are settled up to: the last one of each partition says all.
        tokens = {messages[at].partition(): messages[at].offset() + 1 for at in ends} if self._settling else None
        return Deliveries(count, payloads=payloads, tokens=tokens, partitions=partitions)

    def _without_errors(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            error = message.error()
            if error is None or error.code() in _BENIGN:
                continue
            if error.fatal() or error.code() == KafkaError._MAX_POLL_EXCEEDED:
                raise ConnectionLost(f"the group went on without this consumer: {error.str()}")
            self._events.dropped(error.str(), error.code())
        return [message for message in messages if message.error() is None]

    def settle(self, tokens: Any, how: Settle) -> None:
        """Kafka settles by position: up to these messages, all of each partition. It has no way to give one back."""
        if how is not Settle.ACCEPT:
            raise NotImplementedError(
                f"Kafka has no {how.value}: what is not accepted comes again with the next member"
            )
        if not tokens:
            return
        try:
            self._client.store_offsets(offsets=[TopicPartition(self._topic, p, at) for p, at in tokens.items()])
        except KafkaException as error:
            # The partition went to another member, which gets these messages again: the ledger shows it.
            self._events.dropped(f"offsets not stored: {error.args[0].str()}", "store")

    def close(self) -> None:
        with self._turn:
            if self._closed:
                return
            self._closed = True
        # The library commits and leaves, and waits while its coordinator is away, without a limit of its own.
        leaving = threading.Thread(target=self._client.close, name="kafka-close", daemon=True)
        leaving.start()
        leaving.join(_CLOSE_S)
