"""A kafka-python producer: a future for each message, told to the engine as ranges."""

import threading
from typing import Any

from kafka import KafkaProducer, errors

from brokerbench.contract import NO_CONFIRMS, Batch, Confirms, ConnectionLost, Session
from brokerbench_drivers._ranges import confirms_of

from .headers import with_headers

__all__ = ["REFUSED", "KafkaPythonProducer", "shut"]

_CLOSE_S = 10.0
# What is known not to be in the log. Of any other failure (timed out, connection lost) nobody knows.
REFUSED = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.CorruptRecordError,
    errors.InvalidTimestampError,
    errors.InvalidTopicError,
    errors.TopicAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.PolicyViolationError,
    errors.NotEnoughReplicasError,
)


class KafkaPythonProducer:
    def __init__(self, client: KafkaProducer, session: Session) -> None:
        self._client = client
        self._send = with_headers(client.send, session)
        self._topic = session.endpoints.destination
        self._in_flight = session.in_flight
        self._confirming = session.settings.acks != 0
        self._sent = self._answered = 0
        # Filled by the library's thread, emptied by ours: appending and deleting from the front are each one step.
        self._confirmed: list[int] = []
        self._refused: list[int] = []
        self._lost: BaseException | None = None
        self._waiting = False
        self._wake = threading.Event()
        self._closed = False

    def room(self) -> int:
        return max(0, self._in_flight - (self._sent - self._answered))

    def send(self, batch: Batch) -> int:
        room = self.room()
        if room <= 0 or self._lost is not None:
            return 0
        payloads = batch.payloads()[:room]
        keys = batch.keys if batch.keys is not None else [None] * len(payloads)
        send, topic, first, took = self._send, self._topic, self._sent, 0
        for payload, key in zip(payloads, keys, strict=False):
            ordinal = first + took
            try:
                future = send(topic, value=payload, key=key)
            except REFUSED:
                self._refused.append(ordinal)
            except errors.KafkaError as error:
                self._lost = error
                break
            else:
                future.add_callback(self._done, ordinal)
                future.add_errback(self._failed, ordinal)
            took += 1
        self._sent += took
        return took

    def _done(self, ordinal: int, _metadata: Any) -> None:
        self._confirmed.append(ordinal)
        if self._waiting:
            self._wake.set()

    def _failed(self, ordinal: int, error: BaseException) -> None:
        if isinstance(error, REFUSED):
            self._refused.append(ordinal)
        else:
            self._lost = error
        if self._waiting:
            self._wake.set()

    def confirms(self, timeout_s: float) -> Confirms:
        if timeout_s > 0 and not self._news():
            self._wake.clear()
            self._waiting = True
            if not self._news():  # looked at again: it may have come before the flag was up
                self._wake.wait(timeout_s)
            self._waiting = False
        confirmed, refused = _take(self._confirmed), _take(self._refused)
        if not confirmed and not refused:
            if self._lost is not None:
                raise ConnectionLost(f"no answer for a message: {self._lost}")
            return NO_CONFIRMS
        self._answered += len(confirmed) + len(refused)
        return confirms_of(confirmed, refused) if self._confirming else NO_CONFIRMS

    def _news(self) -> bool:
        return bool(self._confirmed or self._refused or self._lost is not None)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            shut(self._client)


def shut(client: KafkaProducer) -> None:
    try:
        client.close(timeout=_CLOSE_S)
    except errors.KafkaTimeoutError:
        # The library gives up at its flush and leaves its thread running; there is no public way to end it.
        client._sender.force_close()
        client._closed = True


def _take(answers: list[int]) -> list[int]:
    count = len(answers)
    taken = answers[:count]
    del answers[:count]
    return taken
