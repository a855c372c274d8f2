"""The same broker inside one process, in a time that costs none: no socket, no server, and a clock that is brought.

What the load loops see is what they would see over the socket, only that nothing takes longer than the model says.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from brokerbench.contract import (
    NO_DELIVERIES,
    Admin,
    BadTarget,
    Batch,
    CannotPromise,
    Confirms,
    Connection,
    Consumer,
    Counters,
    Deliveries,
    Destination,
    Endpoints,
    Event,
    Producer,
    Session,
    Settle,
)
from brokerbench.model import Delivery, LoadModel, Promise, Scenario, ServerKind
from brokerbench.servers import Library, ServerRecipe

from .account import Account
from .destinations import Destinations
from .driver import SimulatedDriver
from .facts import facts
from .model import SimulatedBroker
from .settings import Settings

__all__ = ["VirtualClock", "VirtualDriver"]

_MOST = 8192


class VirtualClock(Protocol):
    """Whose time this is. `source` is called once, by the driver."""

    def now_ns(self) -> int: ...

    def wait(self, until_ns: int, ready: Callable[[], bool]) -> None:
        """Returns when `ready()` is true, or it is `until_ns`."""

    def source(self, next_ns: Callable[[], int | None], advance: Callable[[int], None]) -> None:
        """When time moves on, it must stop at `next_ns()` and call `advance` there."""


class VirtualDriver(SimulatedDriver):
    """Its destinations live here. `accounts` outlive them, by the destination's name."""

    servers: Mapping[ServerKind, ServerRecipe] = {ServerKind.EMBEDDED: Library("inside this process")}

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.destinations = Destinations()
        self.accounts: dict[str, Account] = {}
        clock.source(self.destinations.next_ns, self.destinations.advance)

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        """Who sends as fast as it can must be made to wait: sending itself takes no time here."""
        if scenario.load.model is LoadModel.SATURATE and not (settings.confirms and settings.confirm_delay_s):
            raise CannotPromise(
                "in virtual time a saturating load never ends where no confirm is waited for:"
                " use confirms: true with a confirm_delay, or model: open"
            )
        return super().promise(settings, delivery, scenario)

    def account(self, endpoints: Endpoints) -> Account:
        """Also of a destination that was deleted."""
        return self.accounts[endpoints.destination]

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        return _Admin(self, settings)

    def connect(self, session: Session) -> Connection:
        broker = self.destinations.get(session.endpoints.destination)
        if broker is None:
            raise BadTarget(f"no destination {session.endpoints.destination}: it was not declared, or deleted")
        return _Connection(self.clock, broker, session)


class _Admin:
    def __init__(self, driver: VirtualDriver, settings: Settings) -> None:
        self._driver = driver
        self._settings = settings

    def declare(self, destination: Destination) -> Endpoints:
        name, groups = destination.name, list(destination.groups)
        broker = self._driver.destinations.declare(name, groups, self._settings)
        self._driver.accounts[name] = broker.account
        return Endpoints({}, name, dict.fromkeys(groups, name))

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        return facts(self._driver.destinations[endpoints.destination])

    def counters(self, endpoints: Endpoints) -> Counters:
        return self._driver.destinations[endpoints.destination].counters()

    def delete(self, endpoints: Endpoints) -> None:
        self._driver.destinations.pop(endpoints.destination, None)

    def busy(self) -> str:
        return ""

    def close(self) -> None:
        pass


class _Connection:
    def __init__(self, clock: VirtualClock, broker: SimulatedBroker, session: Session) -> None:
        self._clock, self._broker, self._session = clock, broker, session
        self._producers: list[_Producer] = []

    def producer(self, lanes: int = 1) -> Producer:
        made = _Producer(self._clock, self._broker, self._session.in_flight)
        self._producers.append(made)
        return made

    def consumer(self, lanes: int = 1) -> Consumer:
        return _Consumer(self._clock, self._broker, self._session)

    def events(self) -> Sequence[Event]:
        return ()

    def close(self) -> None:
        for producer in self._producers:
            producer.close()


class _Producer:
    """Nothing pushes back but `in_flight`; where nothing confirms, all that is sent is taken at once."""

    def __init__(self, clock: VirtualClock, broker: SimulatedBroker, in_flight: int) -> None:
        self._clock, self._broker, self._in_flight = clock, broker, in_flight
        self._confirming = broker.settings.confirms
        self._connection: int | None = broker.attach()
        self._unanswered = 0

    def room(self) -> int:
        return self._in_flight - self._unanswered

    def send(self, batch: Batch) -> int:
        assert self._connection is not None
        count = min(batch.count, self.room())
        ends = batch.offsets[: count + 1].tolist()
        payloads = [bytes(batch.buffer[a:b]) for a, b in pairwise(ends)]
        if payloads:
            self._broker.publish(self._clock.now_ns(), self._connection, payloads)
        if self._confirming:
            self._unanswered += len(payloads)
        return len(payloads)

    def confirms(self, timeout_s: float) -> Confirms:
        connection = self._connection
        assert connection is not None
        _wait(self._clock, timeout_s, lambda: self._broker.answered(connection))
        ranges = self._broker.take_confirms(connection)
        self._unanswered -= sum(last - first + 1 for first, last, _ in ranges)
        return Confirms.of(ranges)

    def close(self) -> None:
        if self._connection is not None:
            self._broker.detach(self._connection)
            self._connection = None


class _Consumer:
    """Takes no more at once than its prefetch says."""

    def __init__(self, clock: VirtualClock, broker: SimulatedBroker, session: Session) -> None:
        assert session.group is not None
        self._clock, self._broker, self._group = clock, broker, session.group
        self._most = min(_MOST, session.prefetch)

    def receive(self, timeout_s: float) -> Deliveries:
        _wait(self._clock, timeout_s, lambda: self._broker.ready(self._group) > 0)
        taken = self._broker.take_deliveries(self._group, self._most, self._clock.now_ns())
        if not taken:
            return NO_DELIVERIES
        payloads, flags = zip(*taken, strict=True)
        again = np.array(flags) if self._broker.settings.redelivered_flag else None
        size = len(payloads[0])
        if all(len(payload) == size for payload in payloads):
            return Deliveries(len(taken), buffer=memoryview(b"".join(payloads)), size_bytes=size, redelivered=again)
        return Deliveries(len(taken), payloads=payloads, redelivered=again)

    def settle(self, tokens: Any, how: Settle) -> None:
        raise NotImplementedError("nothing is settled here: Feature.SETTLE is not declared")

    def close(self) -> None:
        pass


def _wait(clock: VirtualClock, timeout_s: float, ready: Callable[[], bool]) -> None:
    if timeout_s > 0 and not ready():
        clock.wait(clock.now_ns() + round(timeout_s * 1e9), ready)
