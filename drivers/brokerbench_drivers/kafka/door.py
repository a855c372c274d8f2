"""librdkafka tries again whatever the reason is. A wrong password or certificate will not get better: told at once."""

import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException

__all__ = ["Door"]

_FOR_GOOD = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})
_FIRST_LOOK_S = 0.5


class Door:
    """`hear` is the client's `error_cb`, or is called by it."""

    def __init__(self) -> None:
        self._heard: KafkaError | None = None

    def hear(self, error: KafkaError) -> None:
        """Keeps the reason; that all brokers are down is only what follows from it."""
        if not self._shut and (self._heard is None or error.code() != KafkaError._ALL_BROKERS_DOWN):
            self._heard = error

    @property
    def _shut(self) -> bool:
        return self._heard is not None and self._heard.code() in _FOR_GOOD

    def enter(self, client: Any, timeout_s: float, topic: str | None = None) -> Any:
        """The cluster's metadata, with that of one topic or all. Raises KafkaException with the best reason there is.

        Asked again after a while twice as long each time, so that a slow answer is waited for."""
        deadline, look_s = time.monotonic() + timeout_s, _FIRST_LOOK_S
        while True:
            left_s = deadline - time.monotonic()
            try:
                return client.list_topics(topic, timeout=max(0.1, min(look_s, left_s)))
            except KafkaException as error:
                client.poll(0)  # brings the errors
                if self._shut or left_s < look_s:
                    raise KafkaException(self._heard or error.args[0]) from error
            look_s *= 2
