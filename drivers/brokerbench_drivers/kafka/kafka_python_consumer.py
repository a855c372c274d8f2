"""A kafka-python consumer: a member of a group; what was settled is committed every 100 ms, and before it leaves."""

import threading
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from kafka import KafkaConsumer, TopicPartition, errors
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.structs import OffsetAndMetadata

from brokerbench.contract import NO_DELIVERIES, BadTarget, ConnectionLost, Deliveries, Session, Settle

from .peers import peers_of
from .quiet import Events

__all__ = ["KafkaPythonConsumer"]

_JOIN_S = 45.0
_COMMIT_S = 0.1
_CLOSE_MS = 5_000
_JOINING_MS = 20  # a join that ends between two polls is begun again by the library, so these wait for it
_AT_ONCE = 5_000

Records = dict[TopicPartition, list[Any]]


class KafkaPythonConsumer:
    def __init__(self, client: KafkaConsumer, session: Session, events: Events) -> None:
        self._client, self._events = client, events
        self._topic = session.endpoints.destination
        assert session.group is not None
        self._group = session.endpoints.groups[session.group]
        self._settling = session.settings.commit != "received"
        self._kept: list[Records] = []
        self._turn = threading.Lock()
        self._settled: dict[int, int] = {}  # partition -> the offset to go on from; not yet committed
        self._due_s = 0.0
        self.assigned = self._closed = False

    def subscribe(self) -> None:
        """The member that leads a group shares out the partitions it knows of, and joins again whenever it learns of
        others: so it gets to know them before it joins. Raises KafkaError."""
        self._client.subscribe([self._topic], listener=_Listener(self))
        self._client.topics()

    def join(self) -> None:
        """Until this member has its share of the partitions, which may be none. The topic's first message is where a
        group starts, so nothing sent from now on is missed."""
        with peers_of(self._group, self) as peers:
            deadline = time.monotonic() + _JOIN_S
            while not self.assigned:
                if time.monotonic() > deadline:
                    self.close()
                    raise BadTarget(
                        f"Kafka gave a member of group {self._group} no share within {_JOIN_S:g} s;"
                        " look at the server's log, and whether other members still poll"
                    )
                self._keep(_JOINING_MS)
                for peer in peers:
                    peer.serve()

    def serve(self) -> None:
        self._keep(1 if self.assigned else _JOINING_MS)

    def _keep(self, timeout_ms: int) -> None:
        if not self._turn.acquire(blocking=False):
            return  # its own caller is polling
        try:
            if not self._closed and (records := self._client.poll(timeout_ms, max_records=_AT_ONCE)):
                self._kept.append(records)
            self._commit()
        finally:
            self._turn.release()

    async def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Before partitions go elsewhere: commit what was settled of them; what was kept comes again there."""
        self.assigned = False
        gone = {tp.partition for tp in partitions}
        self._kept = [{tp: got for tp, got in records.items() if tp.partition not in gone} for records in self._kept]
        offsets = self._take_settled()
        if offsets:
            try:
                await self._client.commit_async(offsets)
            except errors.KafkaError as error:
                self._events.dropped(f"offsets not committed: {error}", "commit")

    def lost(self) -> None:
        self.assigned = False
        self._kept.clear()
        self._settled.clear()

    def receive(self, timeout_s: float) -> Deliveries:
        with self._turn:
            self._commit()
            wait_ms = 0 if self._kept else int(timeout_s * 1000)
            try:
                records = self._client.poll(
                    wait_ms if self.assigned else max(wait_ms, _JOINING_MS), max_records=_AT_ONCE
                )
            except errors.KafkaError as error:
                if error.retriable:
                    self._events.dropped(str(error), type(error))
                    return NO_DELIVERIES
                raise ConnectionLost(f"kafka-python gave up: {error}") from error
            kept, self._kept = self._kept, []
        found = [(tp.partition, got) for some in (*kept, records) for tp, got in some.items() if got]
        return self._deliveries(found) if found else NO_DELIVERIES

    def _deliveries(self, found: list[tuple[int, list[Any]]]) -> Deliveries:
        payloads = [record.value for _, got in found for record in got]
        partitions = np.repeat(np.array([p for p, _ in found], np.int32), [len(got) for _, got in found])
        # Offsets are settled up to: the last one of each partition says all.
        tokens = {p: got[-1].offset + 1 for p, got in found} if self._settling else None
        return Deliveries(len(payloads), payloads=payloads, tokens=tokens, partitions=partitions)

    def settle(self, tokens: Any, how: Settle) -> None:
        """Kafka settles by position: up to these messages, all of each partition. It has no way to give one back."""
        if how is not Settle.ACCEPT:
            raise NotImplementedError(
                f"Kafka has no {how.value}: what is not accepted comes again with the next member"
            )
        if tokens:
            self._settled.update(tokens)
            self._commit()

    def _commit(self) -> None:
        """The library's own timer commits what was received, settled or not; so ours is kept here."""
        if self._settled and (now := time.monotonic()) >= self._due_s:
            self._due_s = now + _COMMIT_S
            self._client.commit_async(self._take_settled(), callback=self._committed)

    def _take_settled(self) -> dict[TopicPartition, OffsetAndMetadata]:
        settled, self._settled = self._settled, {}
        return {TopicPartition(self._topic, p): OffsetAndMetadata(at, "", -1) for p, at in settled.items()}

    def _committed(self, _offsets: Any, answer: Any) -> None:
        if isinstance(answer, BaseException):
            self._events.dropped(f"offsets not committed: {answer}", "commit")

    def close(self) -> None:
        with self._turn:
            if not self._closed:
                self._closed = True
                self._client.close(autocommit=not self._settling, timeout_ms=_CLOSE_MS)


class _Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # the library ships no types
    """Runs on the library's I/O thread, while our thread waits in poll or close."""

    def __init__(self, consumer: KafkaPythonConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._consumer.revoked(revoked)

    async def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """They are others' already: nothing to commit."""
        self._consumer.lost()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._consumer.assigned = True
