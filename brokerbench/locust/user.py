"""A Locust user that sends and receives with a driver of ours."""

import random
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from gevent import GreenletExit, get_hub
from gevent.lock import RLock
from locust import User, events
from locust.env import Environment
from locust.exception import StopTest

from brokerbench.contract import BadTarget, Batch, ConnectionLost, Fate, Settle
from brokerbench.model import STAMP_BYTES, Delivery, Guarantee, Survives

from .ledger import Ledger
from .place import Asked, CannotBeUser, Place, payloads_of

__all__ = ["BrokerUser", "Refused", "Unconfirmed", "ledgers"]

_SLICE_S = 0.5
_BODIES = np.frombuffer(random.Random(7).randbytes(2**20), np.uint8)  # no compressor has an easy time
_BAD_INPUT = 2

_places: "WeakKeyDictionary[Environment, dict[type, Place]]" = WeakKeyDictionary()
_past: "WeakKeyDictionary[Environment, list[Ledger]]" = WeakKeyDictionary()
_opening: "defaultdict[type, RLock]" = defaultdict(RLock)


def _loop_knows_the_time(**_: Any) -> None:
    """gevent counts a timer from its loop's last turn, which was before all of this was imported: of `--run-time 8s`
    seven had passed on a busy machine before the first user was there."""
    get_hub().loop.update_now()


events.init.add_listener(_loop_knows_the_time)


class Refused(Exception):
    """The broker refused the message."""


class Unconfirmed(Exception):
    """No answer came in time: its fate is unknown."""


_FAILURES = (BadTarget, ConnectionLost, Refused, Unconfirmed)


def ledgers(environment: Environment) -> list[Ledger]:
    """One for each class of users that ran in this process; closed once its test has stopped."""
    return list(_past.get(environment, ()))


class BrokerUser(User):
    """Its broker's url is Locust's `host`. Each process has a destination of its own, removed when the test stops.

    A subclass that has an `on_start` of its own calls this one, which waits for the random phase.
    """

    abstract = True

    driver: ClassVar[str] = ""
    client: ClassVar[str | None] = None  # None: the driver's first
    settings: ClassVar[Mapping[str, Any]] = {}  # the driver's, as in a scenario file
    guarantee: ClassVar[str] = "at-least-once"
    survives: ClassVar[str] = "nothing"
    size_bytes: ClassVar[int] = 1024
    partitions: ClassVar[int] = 1  # where they are consumers' shares, as in Kafka: one for each user that receives
    prefetch: ClassVar[int] = 1
    confirm_timeout_s: ClassVar[float] = 10.0
    drain_s: ClassVar[float] = 10.0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._sender: Any = None
        self._receiver: Any = None
        try:
            self._place = self._of_class()
        except CannotBeUser as why:
            environment.process_exit_code = _BAD_INPUT
            raise StopTest(str(why)) from None
        self._index = self._place.index()
        self._taken = False

    def _of_class(self) -> Place:
        kind = type(self)
        with _opening[kind]:  # the first user opens it, and the others wait
            places = _places.setdefault(self.environment, {})
            place = places.get(kind)
            if place is None or place.ledger.closed:
                place = places[kind] = Place(self._asked(), self.environment, self._users())
                _past.setdefault(self.environment, []).append(place.ledger)
            return place

    def _asked(self) -> Asked:
        try:
            delivery = Delivery(guarantee=Guarantee(self.guarantee), survives=Survives(self.survives), in_flight=1)
        except ValueError as error:
            raise CannotBeUser(f"{type(self).__name__}: {error}") from None
        return Asked(
            name=type(self).__name__,
            driver=self.driver,
            client=self.client,
            settings=self.settings,
            url=self.host,
            delivery=delivery,
            size_bytes=self.size_bytes,
            partitions=self.partitions,
            prefetch=self.prefetch,
            drain_s=self.drain_s,
        )

    def _users(self) -> int:
        runner = self.environment.runner
        return max(1, runner.target_user_count if runner else 1)

    def on_start(self) -> None:
        if getattr(type(self).wait_time, "before_the_first", False):
            self.wait()  # type: ignore[no-untyped-call]

    def on_stop(self) -> None:
        self._hang_up()

    # -- for tasks ------------------------------------------------------------------------------------------------

    def publish(self, size_bytes: int | None = None, *, name: str = "publish") -> bool:
        """Send one message, wait for its confirm where there are any, tell Locust. Returns whether that went well."""
        size = self.size_bytes if size_bytes is None else size_bytes
        if size < STAMP_BYTES:
            raise ValueError(f"publish({size}): a message holds a stamp of {STAMP_BYTES} B, so it has that at least")
        began, failed = time.perf_counter(), None
        self._taken = False
        try:
            if self._sender is None:
                self._sender = self._place.producer(self._index)
            began = time.perf_counter()  # connecting is no part of the message's time
            self._send(size)
        except _FAILURES as error:
            failed = error
        except GreenletExit:
            self._place.ledger.cut_off += self._taken
            raise
        self._tell(name, began, size, failed)
        if failed is not None:
            self._hang_up()
        return failed is None

    def receive(self, timeout_s: float = 1.0, *, name: str = "receive") -> int:
        """Take what is there, waiting up to `timeout_s` for the first; returns how many messages that was.

        Tells Locust of each one: its response time is from when it was published by whichever user."""
        place = self._place
        try:
            if self._receiver is None:
                self._receiver = place.consumer(self._index)
            deliveries = self._receiver[1].receive(timeout_s)
            now_ns = time.monotonic_ns() - place.t0_ns
            for payload in payloads_of(deliveries, self.size_bytes):
                sent_ns = place.ledger.arrived(payload)
                if sent_ns is not None:
                    self._fire(name, (now_ns - sent_ns) / 1e6, len(payload), None)
            if deliveries.count and place.settling:
                self._receiver[1].settle(deliveries.tokens, Settle.ACCEPT)
        except _FAILURES as error:
            self._fire(name, None, 0, error)
            self._hang_up()
            return 0
        return int(deliveries.count)

    # -- one message ----------------------------------------------------------------------------------------------

    def _send(self, size: int) -> None:
        """Raises Refused, Unconfirmed, and what the driver raises."""
        place, producer = self._place, self._sender[1]
        at = random.randrange(len(_BODIES) // 2)
        payload = np.resize(_BODIES[at : at + size], size)  # a larger one repeats itself
        sequence = place.ledger.stamped(self._index, payload, time.monotonic_ns() - place.t0_ns)
        batch = Batch(payload.data, np.array([0, size], np.int64), size, 1)
        deadline = time.monotonic() + self.confirm_timeout_s
        while not producer.send(batch):
            if time.monotonic() > deadline:
                raise Unconfirmed(f"not sent: the client had no room for {self.confirm_timeout_s:g} s")
            producer.confirms(_SLICE_S)
        self._taken = True
        place.ledger.took(self._index)
        while place.confirming:
            found = producer.confirms(_SLICE_S)
            if len(found):
                confirmed = found.fate[0] == Fate.CONFIRMED.value
                place.ledger.answered(self._index, sequence, confirmed=confirmed)
                if not confirmed:
                    raise Refused("the broker refused the message")
                return
            if time.monotonic() > deadline:
                raise Unconfirmed(f"no confirm within {self.confirm_timeout_s:g} s; its fate is unknown")

    def _tell(self, name: str, began: float, size: int, failed: Exception | None) -> None:
        self._fire(name, (time.perf_counter() - began) * 1e3, size, failed)

    def _fire(self, name: str, response_ms: float | None, size: int, failed: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type=self.driver,
            name=name,
            response_time=response_ms,
            response_length=size,
            exception=failed,
            context=self.context(),
        )

    def _hang_up(self) -> None:
        """The next call connects again."""
        for pair in (self._sender, self._receiver):
            if pair is not None:
                self._place.close(pair)
        self._sender = self._receiver = None
