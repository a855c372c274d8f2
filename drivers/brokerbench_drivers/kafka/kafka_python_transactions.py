"""`Transactions` through kafka-python."""

from collections.abc import Sequence
from itertools import repeat

from kafka import KafkaProducer, errors

from brokerbench.contract import ConnectionLost, Session

from .headers import with_headers
from .kafka_python_producer import REFUSED, shut

__all__ = ["KafkaPythonTransactions"]


class KafkaPythonTransactions:
    def __init__(self, client: KafkaProducer, session: Session) -> None:
        self._client, self._topic = client, session.endpoints.destination
        self._send = with_headers(client.send, session)

    def begin(self) -> None:
        try:
            self._client.begin_transaction()
        except errors.KafkaError as error:
            raise ConnectionLost(f"no transaction begins: {error}") from error

    def take(self, payloads: Sequence[bytes], keys: Sequence[bytes] | None) -> tuple[int, bool]:
        send, topic, took = self._send, self._topic, 0
        try:
            for payload, key in zip(payloads, keys if keys is not None else repeat(None), strict=False):
                send(topic, value=payload, key=key)
                took += 1
        except REFUSED:
            return took, True
        except errors.KafkaError as error:
            if not took:
                raise ConnectionLost(f"kafka-python takes no message: {error}") from error
        return took, False

    def commit(self) -> None:
        try:
            self._client.commit_transaction()
        except errors.KafkaError as error:
            raise ConnectionLost(f"a transaction was not committed: {error}") from error

    def serve(self) -> None:
        """The library has a thread for it."""

    def close(self) -> None:
        shut(self._client)
