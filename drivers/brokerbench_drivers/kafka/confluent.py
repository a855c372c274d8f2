"""librdkafka, through confluent-kafka: one producer or consumer for each child."""

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer as LibConsumer
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as LibProducer

from brokerbench.contract import BadTarget, ConnectionLost, Consumer, Event, Producer, Session

from .access import for_librdkafka
from .cluster import UNKNOWN_TOPIC, ClusterError, patiently
from .confluent_consumer import ConfluentConsumer
from .confluent_producer import ConfluentProducer
from .confluent_transactions import ConfluentTransactions
from .door import Door
from .quiet import LIBRDKAFKA, Events, logger
from .reach import reach, unusable
from .settings import Settings
from .transactions import BEGIN_S, TransactionalProducer, milliseconds, name

__all__ = ["ConfluentConnection"]

_REACH_S = 15.0
_HEARD_S = 3.0  # until all nodes have heard of a new topic
_LARGEST_QUEUE_KIB = 2_097_151


class ConfluentConnection:
    """librdkafka reconnects by itself, so a broker that is away is an event. Lost is what it cannot heal: a fatal
    error, or a message that got no answer within its delivery timeout."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._events = Events()
        self._door = Door()
        self._fatal: KafkaError | None = None
        self._open: list[Producer | Consumer] = []

    def producer(self, lanes: int = 1) -> Producer:
        client = LibProducer(producer_config(self._session, self._on_error), logger=logger())
        self._reach(client)
        producer = self._transactional(client) if self._session.settings.transactions else self._plain(client)
        self._open.append(producer)
        return producer

    def _plain(self, client: LibProducer) -> Producer:
        return ConfluentProducer(client, self._session, self.check)

    def _transactional(self, client: LibProducer) -> Producer:
        try:
            client.init_transactions(BEGIN_S)
        except KafkaException as error:
            bootstrap = self._session.endpoints.address["bootstrap"]
            raise BadTarget(f"Kafka at {bootstrap} begins no transactions: {error.args[0].str()}") from error
        library = ConfluentTransactions(client, self._session, self.check)
        return TransactionalProducer(library, self._session)

    def consumer(self, lanes: int = 1) -> ConfluentConsumer:
        client = LibConsumer(consumer_config(self._session, self._on_error), logger=logger())
        self._reach(client)
        consumer = ConfluentConsumer(client, self._session, self.check, self._events)
        self._open.append(consumer)
        consumer.join()
        return consumer

    def check(self) -> None:
        """Raises ConnectionLost after a fatal error."""
        if self._fatal is not None:
            raise ConnectionLost(f"librdkafka gave up: {self._fatal.str()}")

    def events(self) -> Sequence[Event]:
        return self._events.take()

    def close(self) -> None:
        while self._open:
            self._open.pop().close()

    def _reach(self, client: LibProducer | LibConsumer) -> None:
        """Also leaves the topic's leaders known, so that the first message need not wait for them."""
        topic, address = self._session.endpoints.destination, self._session.endpoints.address
        reach(address)

        def look() -> None:
            try:
                error = self._door.enter(client, _REACH_S, topic).topics[topic].error
            except KafkaException as failed:
                raise unusable(address, failed.args[0].str()) from failed
            if error is not None:
                raise ClusterError(error.str(), error.name(), passing=error.code() == KafkaError.LEADER_NOT_AVAILABLE)

        try:
            patiently(look, wait_for=UNKNOWN_TOPIC, patience_s=_HEARD_S)
        except ClusterError as error:
            raise BadTarget(f"Kafka at {address['bootstrap']} has no topic {topic}: {error}") from error

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
        self._door.hear(error)
        self._events.dropped(error.str(), error.code())


def _common(session: Session, on_error: Any) -> dict[str, Any]:
    return {
        **for_librdkafka(session.endpoints.address),
        "client.id": f"brokerbench-{session.group or 'producer'}-{session.index}",
        "error_cb": on_error,
        "socket.nagle.disable": True,
        **LIBRDKAFKA,
    }


def producer_config(session: Session, on_error: Any) -> Mapping[str, Any]:
    settings: Settings = session.settings
    acks = "all" if settings.acks is None else settings.acks
    config = _common(session, on_error) | {
        "acks": acks,
        "enable.idempotence": bool(settings.idempotence),
        "max.in.flight.requests.per.connection": 5,
        "compression.type": settings.compression,
        "linger.ms": settings.linger_s * 1000,
        "batch.size": settings.batch_bytes,
        "delivery.timeout.ms": max(int(settings.delivery_timeout_s * 1000), int(settings.linger_s * 1000) + 1),
        "message.max.bytes": settings.max_message_bytes,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": session.in_flight,
        "queue.buffering.max.kbytes": _LARGEST_QUEUE_KIB,
        # With nobody to answer, a report says no more than that the queue has room, which its length says as well.
        "delivery.report.only.error": acks == 0,
    }
    if settings.transactions:
        config |= {"transactional.id": name(session), "transaction.timeout.ms": milliseconds(session)}
        config["delivery.timeout.ms"] = min(config["delivery.timeout.ms"], milliseconds(session))
    return config | ({"retries": 0} if acks == 0 else {})


def consumer_config(session: Session, on_error: Any) -> Mapping[str, Any]:
    settings: Settings = session.settings
    assert session.group is not None
    return _common(session, on_error) | {
        "group.id": session.endpoints.groups[session.group],
        "partition.assignment.strategy": "range",
        "auto.offset.reset": "earliest",
        "isolation.level": settings.isolation,
        "enable.auto.commit": True,
        "auto.commit.interval.ms": 100,
        "enable.auto.offset.store": settings.commit == "received",
        "session.timeout.ms": int(settings.session_timeout_s * 1000),
        "max.poll.interval.ms": max(300_000, int(settings.session_timeout_s * 1000)),
        "heartbeat.interval.ms": int(settings.heartbeat_s * 1000),
        "fetch.min.bytes": 1,
        "fetch.wait.max.ms": int(settings.fetch_wait_s * 1000),
        "max.partition.fetch.bytes": settings.fetch_partition_bytes,
        "fetch.max.bytes": max(52_428_800, settings.max_message_bytes),
        "message.max.bytes": settings.max_message_bytes,
        "queued.min.messages": settings.fetch_ahead,
        # librdkafka's second of backing off, once it has fetched far enough ahead, would be a second without messages.
        "fetch.queue.backoff.ms": 1,
    }
