"""kafka-python: pure Python, with an I/O thread of its own for each producer and consumer."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from kafka import KafkaConsumer, KafkaProducer
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError
from kafka.partitioner import StickyPartitioner

from brokerbench.contract import BadTarget, Consumer, Event, Producer, Session

from .access import for_kafka_python
from .admission import let_in
from .cluster import ClusterError
from .codecs import missing_codec
from .kafka_python_consumer import KafkaPythonConsumer
from .kafka_python_producer import KafkaPythonProducer
from .kafka_python_transactions import KafkaPythonTransactions
from .quiet import Events, watch_kafka_python
from .reach import reach, unusable
from .settings import Settings
from .transactions import BEGIN_S, TransactionalProducer, milliseconds, name

__all__ = ["KafkaPythonConnection", "consumer_config", "producer_config"]

_REACH_MS = 15_000
_REQUEST_MS = 30_000
T = TypeVar("T")


class KafkaPythonConnection:
    """kafka-python reconnects by itself. Lost is what it cannot heal: a message without an answer in its time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._events = Events()
        self._unwatch = watch_kafka_python(self._events.dropped)
        self._open: list[Producer | Consumer] = []

    def producer(self, lanes: int = 1) -> Producer:
        client = self._reach(lambda: KafkaProducer(**producer_config(self._session)))
        producer = self._transactional(client) if self._session.settings.transactions else self._plain(client)
        self._open.append(producer)
        # Leaves the topic's leaders known, so that the first message need not wait for them.
        self._reach(lambda: client.partitions_for(self._session.endpoints.destination))
        return producer

    def _plain(self, client: KafkaProducer) -> Producer:
        return KafkaPythonProducer(client, self._session)

    def _transactional(self, client: KafkaProducer) -> Producer:
        self._reach(client.init_transactions)
        library = KafkaPythonTransactions(client, self._session)
        return TransactionalProducer(library, self._session)

    def consumer(self, lanes: int = 1) -> KafkaPythonConsumer:
        client = self._reach(lambda: KafkaConsumer(**consumer_config(self._session)))
        consumer = KafkaPythonConsumer(client, self._session, self._events)
        self._open.append(consumer)
        self._reach(consumer.subscribe)
        consumer.join()
        return consumer

    def events(self) -> Sequence[Event]:
        return self._events.take()

    def close(self) -> None:
        while self._open:
            self._open.pop().close()
        self._unwatch()

    def _reach(self, call: Callable[[], T]) -> T:
        address = self._session.endpoints.address
        if not address.get("sasl"):
            reach(address)
        if why := missing_codec(self._session.settings.compression):
            raise BadTarget(why)
        try:
            let_in(address)
            return call()
        except (ClusterError, KafkaError) as error:
            raise unusable(address, error) from error


def _common(session: Session) -> dict[str, Any]:
    return {
        **for_kafka_python(session.endpoints.address),
        "bootstrap_timeout_ms": _REACH_MS,
        "client_id": f"brokerbench-{session.group or 'producer'}-{session.index}",
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def producer_config(session: Session) -> dict[str, Any]:
    settings: Settings = session.settings
    acks = "all" if settings.acks is None else settings.acks
    linger_ms = settings.linger_s * 1000
    # The library wants delivery timeout >= linger + request timeout.
    request_ms = min(_REQUEST_MS, max(1, int(settings.delivery_timeout_s * 1000 - linger_ms)))
    config = _common(session) | {
        "acks": acks,
        "enable_idempotence": bool(settings.idempotence),
        "max_in_flight_requests_per_connection": 5,
        "compression_type": None if settings.compression == "none" else settings.compression,
        "linger_ms": linger_ms,
        "batch_size": settings.batch_bytes,
        "request_timeout_ms": request_ms,
        "delivery_timeout_ms": max(settings.delivery_timeout_s * 1000, linger_ms + request_ms),
        "max_request_size": max(2**20, settings.max_message_bytes),
        "max_block_ms": _REACH_MS,
        "partitioner": StickyPartitioner(),
    }
    if settings.transactions:
        config |= {"transactional_id": name(session), "transaction_timeout_ms": milliseconds(session)}
        config["max_block_ms"] = int(1000 * BEGIN_S)
    return config | ({"retries": 0} if acks == 0 else {})


def consumer_config(session: Session) -> dict[str, Any]:
    settings: Settings = session.settings
    assert session.group is not None
    return _common(session) | {
        "group_id": session.endpoints.groups[session.group],
        "partition_assignment_strategy": [RangePartitionAssignor],
        "auto_offset_reset": "earliest",
        "isolation_level": settings.isolation,
        "enable_auto_commit": settings.commit == "received",
        "auto_commit_interval_ms": 100,
        "session_timeout_ms": int(settings.session_timeout_s * 1000),
        "heartbeat_interval_ms": int(settings.heartbeat_s * 1000),
        "max_poll_interval_ms": max(300_000, int(settings.session_timeout_s * 1000)),
        "fetch_min_bytes": 1,
        "fetch_max_wait_ms": int(settings.fetch_wait_s * 1000),
        "max_partition_fetch_bytes": settings.fetch_partition_bytes,
        "fetch_max_bytes": max(52_428_800, settings.max_message_bytes),
        "request_timeout_ms": max(_REQUEST_MS, int(settings.fetch_wait_s * 1000) + 1000),
    }
