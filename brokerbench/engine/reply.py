"""Who answers: a consumer of requests that sends each one's payload back to the producer it is of.

The stamp comes back unchanged, so who receives the reply sees when the request was due. A request is settled only when
its reply is promised: if the replier dies before, the request comes again where the broker can bring it.
"""

from collections import Counter, deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench import stamp
from brokerbench.contract import (
    NO_DELIVERIES,
    BadTarget,
    Batch,
    ConnectionLost,
    Consumer,
    Deliveries,
    Driver,
    Endpoints,
    Event,
    Fate,
    Producer,
    Session,
    Settle,
)
from brokerbench.model import STAMP_BYTES

from .spec import ChildSpec

__all__ = ["Replier"]

_SLICE_S = 200e-6  # while replies are under way, their side is looked at this often
_TURNS = 5  # looks at the replies' side after the last one was handed over: a client may still have to write it
_LAST_NS = 5_000_000_000  # for what is under way at the end
_LAST_S = 0.01


class Replier:
    """Stands before a consumer. `reply` takes the place of settling."""

    def __init__(self, spec: ChildSpec, driver: Driver, session: Session, consumer: Consumer) -> None:
        self._consumer, self._settling, self._tag = consumer, spec.settling, spec.tag
        self._lines = {
            producer: _Line(spec, driver, session, endpoints)
            for producer, endpoints in enumerate(spec.replies)
            if endpoints is not None  # those of other topics ask nothing here
        }
        self._held: dict[int, list[Any]] = {}  # number of a delivery -> [replies that are not promised, its tokens]
        self._numbered = 0
        self._turns = 0

    def receive(self, timeout_s: float) -> Deliveries:
        """As a consumer's; while a reply waits for room, nothing more is received."""
        for line in self._lines.values():
            self._promised(line.confirms(0.0))
        full = [line for line in self._lines.values() if line.waiting]
        for line in full:
            self._promised(line.push(min(timeout_s, _SLICE_S * 10)))
        if full:
            return NO_DELIVERIES
        moving = self._turns > 0 or any(line.unconfirmed for line in self._lines.values())
        self._turns = max(0, self._turns - 1)
        return self._consumer.receive(min(timeout_s, _SLICE_S) if moving else timeout_s)

    def reply(self, deliveries: Deliveries) -> None:
        """To each message of ours; what is none is settled and gets no reply."""
        number, self._numbered = self._numbered, self._numbered + 1
        answers = list(_by_producer(deliveries, self._tag, self._lines))
        self._held[number] = [sum(batch.count for _, batch in answers), deliveries.tokens]
        self._turns = _TURNS
        if not answers:
            self._promised({number: 0})
        for producer, batch in answers:
            self._promised(self._lines[producer].add(number, batch))

    def counts(self) -> Counter[str]:
        names = ("sent", "confirmed", "refused")
        lines = self._lines.values()
        return Counter({f"replies_{name}": sum(getattr(line, name) for line in lines) for name in names})

    def events(self) -> Iterator[Event]:
        for line in self._lines.values():
            yield from line.connection.events()

    def finish(self, now: Callable[[], int]) -> None:
        """What is under way gets a last moment to be promised. Raises ConnectionLost."""
        until_ns = now() + _LAST_NS  # by time: a turn may hear of one reply only
        for line in self._lines.values():
            while (line.waiting or line.unconfirmed) and now() < until_ns:
                self._promised(line.push(_LAST_S))

    def close(self) -> None:
        for line in self._lines.values():
            with suppress(BadTarget, ConnectionLost):
                line.close()

    def _promised(self, counts: Mapping[int, int]) -> None:
        for number, count in counts.items():
            if number in self._held:  # else a confirm came twice
                self._held[number][0] -= count
        # In their order: what settles a delivery of a log settles all before it.
        while self._held:
            number, (unpromised, tokens) = next(iter(self._held.items()))
            if unpromised > 0:
                break
            del self._held[number]
            if self._settling and tokens is not None:
                self._consumer.settle(tokens, Settle.ACCEPT)


class _Line:
    """To one requester: a connection and a producer of its own, as its replies go to a place of its own."""

    def __init__(self, spec: ChildSpec, driver: Driver, session: Session, endpoints: Mapping[str, Any]) -> None:
        self.connection = driver.connect(replace(session, endpoints=Endpoints(**endpoints), group=None))
        self._producer: Producer = self.connection.producer()
        self._confirming = spec.confirming
        ring = 1 << int(np.ceil(np.log2(2 * session.in_flight)))
        self._number_of = np.zeros(ring, np.int64)  # by the reply's ordinal: the delivery that it answers
        self._mask = ring - 1
        self.waiting: deque[tuple[int, Batch]] = deque()  # for room
        self.sent = self.confirmed = self.refused = 0

    @property
    def unconfirmed(self) -> int:
        return self.sent - self.confirmed - self.refused if self._confirming else 0

    def add(self, number: int, batch: Batch) -> dict[int, int]:
        """Of delivery `number`. Returns how many replies to which delivery are promised now."""
        self.waiting.append((number, batch))
        return self.push(0.0)

    def push(self, timeout_s: float) -> dict[int, int]:
        """Hand over what waits; where there is no room for it, wait for some."""
        promised: dict[int, int] = {}
        while self.waiting and (room := self._producer.room()) > 0:
            number, batch = self.waiting.popleft()
            took = self._producer.send(_part(batch, 0, min(room, batch.count)))
            if self._confirming:
                self._number_of[np.arange(self.sent, self.sent + took) & self._mask] = number
            else:
                promised[number] = promised.get(number, 0) + took
            self.sent += took
            if took < batch.count:
                self.waiting.appendleft((number, _part(batch, took, batch.count)))
            if not took:
                break
        for number, count in self.confirms(timeout_s if self.waiting or self.unconfirmed else 0.0).items():
            promised[number] = promised.get(number, 0) + count
        return promised

    def confirms(self, timeout_s: float) -> dict[int, int]:
        """What the broker answered. A reply that it refused is not sent again: the ledger tells."""
        confirms = self._producer.confirms(timeout_s)
        if not self._confirming or not len(confirms):
            return {}
        lengths = confirms.last - confirms.first + 1
        ordinals = np.repeat(confirms.first - (np.cumsum(lengths) - lengths), lengths) + np.arange(int(lengths.sum()))
        refused = int(lengths[confirms.fate == Fate.REFUSED.value].sum())
        self.refused += refused
        self.confirmed += len(ordinals) - refused
        numbers, counts = np.unique(self._number_of[ordinals & self._mask], return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))

    def close(self) -> None:
        self._producer.close()
        self.connection.close()


def _by_producer(deliveries: Deliveries, tag: int, producers: Container[int]) -> Iterator[tuple[int, Batch]]:
    """The messages of each of these producers, in their order."""
    if deliveries.payloads is not None:
        payloads = [each for each in deliveries.payloads if len(each) >= STAMP_BYTES]
        of = _senders(np.frombuffer(b"".join([each[:STAMP_BYTES] for each in payloads]), "<u8").reshape(-1, 2), tag)
        for producer, which in _split(of, producers):
            yield producer, _batch([payloads[i] for i in which.tolist()])
        return
    size, count = deliveries.size_bytes, deliveries.count
    blob: Any = deliveries.buffer
    rows = np.frombuffer(blob, np.uint8, count * size).reshape(count, size)
    if size < STAMP_BYTES:
        return
    of = _senders(np.ndarray((count, 2), "<u8", buffer=rows.data, strides=(size, 8)), tag)
    for producer, which in _split(of, producers):
        mine = rows[which].reshape(-1)  # a copy: the consumer may use its buffer again
        yield producer, Batch(mine.data, np.arange(len(which) + 1, dtype=np.int64) * size, size, len(which))


def _senders(words: NDArray[np.uint64], tag: int) -> NDArray[np.int64]:
    """Who sent each (canaries too); -1 where the stamp is none of this trial's."""
    first, second = words[:, 0], words[:, 1]
    ours = stamp.valid(first, second) & (stamp.tags_of(first) & ~np.uint64(stamp.CANARY) == tag)
    return np.where(ours, stamp.producers_of(first).astype(np.int64), -1)


def _split(of: NDArray[np.int64], producers: Container[int]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    for producer in np.unique(of).tolist():
        if producer in producers:
            yield producer, np.flatnonzero(of == producer)


def _batch(payloads: Sequence[bytes]) -> Batch:
    sizes = np.array([len(each) for each in payloads], np.int64)
    size = int(sizes[0]) if (sizes == sizes[0]).all() else 0
    return Batch(memoryview(b"".join(payloads)), np.concatenate(([0], np.cumsum(sizes))), size, len(payloads))


def _part(batch: Batch, first: int, end: int) -> Batch:
    if first == 0 and end == batch.count:
        return batch
    a, b = int(batch.offsets[first]), int(batch.offsets[end])
    return Batch(batch.buffer[a:b], batch.offsets[first : end + 1] - a, batch.size_bytes, end - first)
