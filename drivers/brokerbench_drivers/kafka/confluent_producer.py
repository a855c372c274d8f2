"""A librdkafka producer: per-message delivery reports, told to the engine as ranges."""

from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as LibProducer

from brokerbench.contract import NO_CONFIRMS, Batch, Confirms, ConnectionLost, Fate, Session
from brokerbench_drivers._ranges import confirms_of

from .headers import with_headers

__all__ = ["REFUSED", "ConfluentProducer"]

_CLOSE_S = 10.0
# What is known not to be in the log. Of any other failure (timed out, connection lost, purged) nobody knows.
REFUSED = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.POLICY_VIOLATION,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)


class ConfluentProducer:
    def __init__(self, client: LibProducer, session: Session, check: Callable[[], None]) -> None:
        self._client, self._check = client, check
        self._produce = with_headers(client.produce, session)
        self._topic = session.endpoints.destination
        self._in_flight = session.in_flight
        self._confirming = session.settings.acks != 0
        # One partition, idempotent: reports come in the order sent, so counting them is knowing whose they are. That
        # holds until the first failure; from there on nothing is told any more, and the connection counts as lost.
        self._counting = session.endpoints.partitions == 1 and bool(session.settings.idempotence)
        self._sent = self._answered = 0
        self._reported = self._told = 0
        self._confirmed: list[int] = []
        self._refused: list[int] = []
        self._lost: KafkaError | None = None
        self._closed = False

    def room(self) -> int:
        waiting = self._sent - self._answered if self._confirming else len(self._client)
        return max(0, self._in_flight - waiting)

    def send(self, batch: Batch) -> int:
        room = self.room()
        if room <= 0 or self._lost is not None:
            return 0
        payloads = batch.payloads()
        if batch.count > room:
            payloads = payloads[:room]
        keys = batch.keys if batch.keys is not None else repeat(None)
        produce, topic, report, first = self._produce, self._topic, self._report, self._sent
        took = 0
        try:
            if self._counting:
                count = self._count
                for payload, key in zip(payloads, keys, strict=False):
                    produce(topic, payload, key, on_delivery=count)
                    took += 1
            else:
                for payload, key in zip(payloads, keys, strict=False):
                    produce(topic, payload, key, on_delivery=partial(report, first + took))
                    took += 1
        except BufferError:
            pass  # the library's queue is full: it took fewer
        except KafkaException as error:
            took += self._not_taken(first + took, error.args[0])
        self._sent += took
        return took

    def _not_taken(self, ordinal: int, error: KafkaError) -> int:
        """Refused is an answer too; after any other error the library takes none."""
        self._report(ordinal, error, None)
        if self._lost is not None:
            return 0
        self._counting = False  # no report will come for this one: those sent after it say whose they are
        return 1

    def _count(self, error: KafkaError | None, _message: Any) -> None:
        if error is None and self._lost is None:
            self._reported += 1
        else:
            self._lost = self._lost or error

    def _report(self, ordinal: int, error: KafkaError | None, _message: Any) -> None:
        if error is None:
            self._confirmed.append(ordinal)
        elif error.code() in REFUSED:
            self._refused.append(ordinal)
        else:
            self._lost = error

    def confirms(self, timeout_s: float) -> Confirms:
        if not self._refused:
            # Whole milliseconds are what the library can wait; of shorter ones the engine passes the time itself.
            self._client.poll(timeout_s if timeout_s >= 0.001 else 0)
        counted = range(self._told, self._reported)
        if not counted and not self._confirmed and not self._refused:
            if self._lost is not None:
                raise ConnectionLost(f"no answer for a message: {self._lost.str()}")
            self._check()
            return NO_CONFIRMS
        self._told = counted.stop
        confirmed, self._confirmed = self._confirmed, []
        refused, self._refused = self._refused, []
        self._answered += len(counted) + len(confirmed) + len(refused)
        if not self._confirming:
            return NO_CONFIRMS
        if not confirmed and not refused:
            return Confirms.of([(counted.start, counted.stop - 1, Fate.CONFIRMED)])
        return confirms_of([*counted, *confirmed], refused)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._client.flush(_CLOSE_S)
            self._client.purge()
            self._client.poll(0)
