"""`Transactions` through librdkafka."""

from collections.abc import Callable, Sequence
from itertools import repeat

from confluent_kafka import KafkaException
from confluent_kafka import Producer as LibProducer

from brokerbench.contract import ConnectionLost, Session

from .confluent_producer import REFUSED
from .headers import with_headers

__all__ = ["ConfluentTransactions"]


class ConfluentTransactions:
    def __init__(self, client: LibProducer, session: Session, check: Callable[[], None]) -> None:
        self._client, self._topic, self._check = client, session.endpoints.destination, check
        self._produce = with_headers(client.produce, session)

    def begin(self) -> None:
        try:
            self._client.begin_transaction()
        except KafkaException as error:
            raise ConnectionLost(f"no transaction begins: {error.args[0].str()}") from error

    def take(self, payloads: Sequence[bytes], keys: Sequence[bytes] | None) -> tuple[int, bool]:
        produce, topic, took = self._produce, self._topic, 0
        try:
            for payload, key in zip(payloads, keys if keys is not None else repeat(None), strict=False):
                produce(topic, payload, key)
                took += 1
        except BufferError:
            pass  # the library's queue is full: it took fewer
        except KafkaException as error:
            if error.args[0].code() in REFUSED:
                return took, True
            if not took:
                raise ConnectionLost(f"librdkafka takes no message: {error.args[0].str()}") from error
        return took, False

    def commit(self) -> None:
        try:
            self._client.commit_transaction()
        except KafkaException as error:
            raise ConnectionLost(f"a transaction was not committed: {error.args[0].str()}") from error

    def serve(self) -> None:
        self._client.poll(0)
        self._check()

    def close(self) -> None:
        self._client.purge()
        self._client.poll(0)
