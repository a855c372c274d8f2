"""Drivers with one fault each: a real driver, and around one of its parts something that goes wrong."""

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from brokerbench.contract import (
    NO_CONFIRMS,
    Batch,
    Confirms,
    Connection,
    ConnectionLost,
    Consumer,
    Counters,
    Deliveries,
    Driver,
    Fate,
    Producer,
    Session,
    Settle,
)
from tests.conformance import lab

__all__ = ["MUTANTS", "Mutant", "close_the_unclosed"]

AT = 1000  # the message at which it happens: a fault that only a long look meets


class _Over:
    """All that is not overridden is the real one's."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class _Receiving(_Over):
    """A consumer that changes what one `receive` brings as soon as the message AT is in it, with a next one."""

    def __init__(self, real: Consumer, change: Callable[[list[bytes], int], list[int]]) -> None:
        super().__init__(real)
        self._change = change
        self._seen = 0
        self._done = False

    def receive(self, timeout_s: float) -> Deliveries:
        got: Deliveries = self.real.receive(timeout_s)
        before, self._seen = self._seen, self._seen + got.count
        if self._done or self._seen <= AT or got.count < 2:
            return got
        self._done = True
        at = min(max(0, AT - before), got.count - 2)
        payloads = lab.payloads_of(got)
        order = self._change(payloads, at)
        again = None if got.redelivered is None else got.redelivered[order]
        return Deliveries(len(order), [payloads[i] for i in order], tokens=got.tokens, redelivered=again)


def _loses(payloads: list[bytes], at: int) -> list[int]:
    return [i for i in range(len(payloads)) if i != at]


def _doubles(payloads: list[bytes], at: int) -> list[int]:
    return sorted([*range(len(payloads)), at])


def _swaps(payloads: list[bytes], at: int) -> list[int]:
    order = list(range(len(payloads)))
    order[at], order[at + 1] = order[at + 1], order[at]
    return order


class _ConfirmsEarly(_Over):
    """As soon as it is handed over; what the broker says is not heard."""

    _taken = _told = 0

    def send(self, batch: Batch) -> int:
        took: int = self.real.send(batch)
        self._taken += took
        return took

    def confirms(self, timeout_s: float) -> Confirms:
        self.real.confirms(timeout_s)
        first, self._told = self._told, self._taken
        return Confirms.of([(first, self._taken - 1, Fate.CONFIRMED)]) if first < self._taken else NO_CONFIRMS


class _ConfirmsTwice(_Over):
    def confirms(self, timeout_s: float) -> Confirms:
        found: Confirms = self.real.confirms(timeout_s)
        if not len(found) or found.last[-1] < AT:
            return found
        ranges = [(int(a), int(b), Fate(int(c))) for a, b, c in zip(found.first, found.last, found.fate, strict=True)]
        return Confirms.of([*ranges, ranges[-1]])


class _Hangs(_Over):
    """Once AT messages have gone by, `receive` and `confirms` wait as long as it takes for something to come."""

    _seen = 0

    def receive(self, timeout_s: float) -> Deliveries:
        got: Deliveries = self.real.receive(timeout_s)
        while self._seen > AT and not got.count:
            got = self.real.receive(1.0)
        self._seen += got.count
        return got

    def confirms(self, timeout_s: float) -> Confirms:
        found: Confirms = self.real.confirms(timeout_s)
        while self._seen > AT and not len(found):
            found = self.real.confirms(1.0)
        self._seen += int((found.last - found.first + 1).sum())
        return found


class _Raises(_Over):
    """After it has taken the batch."""

    _taken = 0

    def send(self, batch: Batch) -> int:
        took: int = self.real.send(batch)
        self._taken += took
        if self._taken > AT:
            raise ConnectionLost("raised after messages were taken")
        return took


class _DropsUnsettled(_Over):
    """Settles for the application, which then need not."""

    def receive(self, timeout_s: float) -> Deliveries:
        got: Deliveries = self.real.receive(timeout_s)
        if got.count:
            self.real.settle(got.tokens, Settle.ACCEPT)
        return got

    def settle(self, tokens: Any, how: Settle) -> None:
        pass


class _LeaksAThread(_Over):
    def __init__(self, real: Producer) -> None:
        super().__init__(real)
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()


_unclosed: list[Any] = []


class _IgnoresClose(_Over):
    def close(self) -> None:
        _unclosed.append(self.real)


class _WrongCounters(_Over):
    def counters(self, endpoints: Any) -> Counters:
        found: Counters = self.real.counters(endpoints)
        return dataclasses.replace(found, published=None if found.published is None else found.published + 1)


class _WrongVersion(_Over):
    def facts(self, endpoints: Any) -> Mapping[str, str]:
        return {**self.real.facts(endpoints), "version": "2.0.0"}


def _wrong_group(session: Session) -> Session:
    return dataclasses.replace(session, group="a") if session.group else session


Wrap = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class _Fault:
    """What is put around the parts of the real driver, and the test that must fail with a text in its failure."""

    test: str
    text: str
    admin: Wrap = lambda real: real
    connection: Wrap = lambda real: real
    producer: Wrap = lambda real: real
    consumer: Wrap = lambda real: real
    session: Wrap = lambda session: session


MUTANTS: Mapping[str, _Fault] = {
    "loses-one": _Fault(
        "test_every_message_once", "received by each group", consumer=lambda real: _Receiving(real, _loses)
    ),
    "doubles-one": _Fault("test_every_message_once", "assert", consumer=lambda real: _Receiving(real, _doubles)),
    "swaps-two": _Fault(
        "test_one_producer_one_consumer_keep_the_order", "assert", consumer=lambda real: _Receiving(real, _swaps)
    ),
    "confirms-early": _Fault(
        "test_only_the_broker_confirms", "confirmed before the broker has it", producer=_ConfirmsEarly
    ),
    "confirms-twice": _Fault("test_each_message_is_confirmed_once", "answered twice", producer=_ConfirmsTwice),
    "never-returns-from-receive": _Fault("test_every_message_once", "Timeout", consumer=_Hangs),
    "never-returns-from-confirms": _Fault("test_each_message_is_confirmed_once", "Timeout", producer=_Hangs),
    "raises": _Fault("test_each_message_is_confirmed_once", "raised after messages were taken", producer=_Raises),
    "wrong-group": _Fault("test_every_message_once", "received by each group", session=_wrong_group),
    "drops-unsettled": _Fault("test_unsettled_come_again_after_close", "not within", consumer=_DropsUnsettled),
    "leaks-a-thread": _Fault("test_close_leaves_no_thread_and_no_file", "threads", producer=_LeaksAThread),
    "ignores-close": _Fault("test_close_leaves_no_thread_and_no_file", "threads", connection=_IgnoresClose),
    "wrong-counters": _Fault("test_the_broker_counts_what_we_count", "published=700", admin=_WrongCounters),
    "wrong-version": _Fault("test_the_version_is_the_servers_own", "the facts say 2.0.0", admin=_WrongVersion),
}


class _Connection(_Over):
    def __init__(self, real: Connection, fault: _Fault) -> None:
        super().__init__(real)
        self._fault = fault

    def producer(self, lanes: int = 1) -> Producer:
        made: Producer = self._fault.producer(self.real.producer(lanes))
        return made

    def consumer(self, lanes: int = 1) -> Consumer:
        made: Consumer = self._fault.consumer(self.real.consumer(lanes))
        return made


class Mutant(_Over):
    """The whole driver."""

    def __init__(self, real: Driver, fault: _Fault) -> None:
        super().__init__(real)
        self._fault = fault

    def admin(self, address: Mapping[str, Any], settings: Any) -> Any:
        return self._fault.admin(self.real.admin(address, settings))

    def connect(self, session: Session) -> Any:
        return self._fault.connection(_Connection(self.real.connect(self._fault.session(session)), self._fault))


def close_the_unclosed() -> None:
    """What `ignores-close` has kept."""
    while _unclosed:
        _unclosed.pop().close()
