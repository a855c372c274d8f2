"""The broker in virtual time: what is timed is exact, and costs no time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from brokerbench.contract import BadTarget, Batch, CannotPromise, Destination, Endpoints, Fate, Session
from brokerbench.model import Delivery, Guarantee, Scenario
from brokerbench_drivers.simulated.settings import Settings
from brokerbench_drivers.simulated.virtual import VirtualDriver
from tests.drivers.simulated_stamped import MS, S, message


class Clock:
    """For one thread: while it waits, time goes from event to event."""

    def __init__(self) -> None:
        self.now = 5 * S

    def now_ns(self) -> int:
        return self.now

    def wait(self, until_ns: int, ready: Callable[[], bool]) -> None:
        while not ready() and self.now < until_ns:
            due = self._next_ns()
            self.now = until_ns if due is None else min(due, until_ns)
            self._advance(self.now)

    def source(self, next_ns: Callable[[], int | None], advance: Callable[[int], None]) -> None:
        self._next_ns, self._advance = next_ns, advance


class World:
    """One destination with a producer and a consumer."""

    def __init__(self, groups: tuple[str, ...] = ("g",), in_flight: int = 100, **settings: Any) -> None:
        self.clock = Clock()
        self.driver = VirtualDriver(self.clock)
        self.settings = Settings.model_validate(settings)
        self.admin = self.driver.admin({}, self.settings)
        self.endpoints = self.admin.declare(Destination("bb.1", 1, 1, dict.fromkeys(groups, 1)))
        self.producer = self.driver.connect(self.session(None, in_flight)).producer()
        self.consumer = self.driver.connect(self.session(groups[0])).consumer()

    def session(self, group: str | None, in_flight: int = 100, endpoints: Endpoints | None = None) -> Session:
        return Session(endpoints or self.endpoints, "loopback", self.settings, in_flight, 500, 64, 0, group)

    def send(self, first: int, count: int) -> int:
        payloads = [message(n, self.clock.now - 5 * S) for n in range(first, first + count)]
        offsets = np.arange(count + 1, dtype=np.int64) * 64
        return self.producer.send(Batch(memoryview(b"".join(payloads)), offsets, 64, count))


def test_a_message_takes_what_the_law_says() -> None:
    world = World(service={"constant": "3ms"}, confirm_delay="1ms")
    assert world.send(0, 2) == 2
    confirms = world.producer.confirms(1.0)
    assert (confirms.first.tolist(), confirms.last.tolist()) == ([0], [1])
    assert confirms.fate.tolist() == [Fate.CONFIRMED.value]
    assert world.clock.now == 5 * S + 1 * MS
    assert world.consumer.receive(1.0).count == 1
    assert world.clock.now == 5 * S + 3 * MS
    assert world.consumer.receive(1.0).count == 1
    assert world.clock.now == 5 * S + 6 * MS
    assert world.consumer.receive(0.5).count == 0
    assert world.clock.now == 5 * S + 506 * MS


@pytest.mark.parametrize("settings", [{}, {"confirms": False, "confirm_delay": "1ms"}], ids=str)
def test_a_saturating_load_that_would_never_end_is_refused(settings: dict[str, Any]) -> None:
    driver, delivery = VirtualDriver(Clock()), Delivery(guarantee=Guarantee.AT_MOST_ONCE)
    saturating, at_a_rate = asked({"model": "saturate"}, {}), asked({"model": "open"}, {"rate": "1/s"})
    with pytest.raises(CannotPromise, match="never ends"):
        driver.promise(Settings.model_validate(settings), delivery, saturating)
    assert driver.promise(Settings.model_validate(settings), delivery, at_a_rate)
    assert driver.promise(Settings.model_validate({"confirm_delay": "1ms"}), delivery, saturating)


def asked(load: dict[str, Any], stage: dict[str, Any]) -> Scenario:
    return Scenario.model_validate(
        {
            "scenario": "s",
            "brokers": {"it": {"driver": "simulated"}},
            "message": {"size": "64B"},
            "load": {**load, "stages": [{"steady": "1s", **stage}]},
        }
    )


def test_no_more_in_flight_than_was_asked() -> None:
    world = World(in_flight=3, confirm_delay="1ms")
    assert world.send(0, 5) == 3
    assert world.producer.room() == 0
    assert world.send(3, 2) == 0
    world.producer.confirms(0.0)
    assert world.producer.room() == 0
    world.producer.confirms(1.0)
    assert world.producer.room() == 3


def test_unconfirmed_messages_are_taken_at_once() -> None:
    world = World(in_flight=3, confirms=False)
    assert world.send(0, 5) == 3
    assert world.producer.room() == 3
    assert len(world.producer.confirms(0.25)) == 0
    assert world.clock.now == 5 * S + 250 * MS


def test_deliveries_are_whole_and_flagged() -> None:
    world = World(fates={"duplicated": [1]})
    world.send(0, 3)
    deliveries = world.consumer.receive(1.0)
    assert deliveries.redelivered is not None
    assert deliveries.redelivered.tolist() == [False, False, True, False]
    assert bytes(deliveries.buffer) == b"".join(message(n) for n in (0, 1, 1, 2))
    assert deliveries.size_bytes == 64


def test_the_account_outlives_the_destination() -> None:
    world = World(service={"constant": "1ms"}, fates={"confirmed_but_lost": [1]})
    world.send(0, 2)
    world.consumer.receive(1.0)
    counters = world.admin.counters(world.endpoints)
    assert (counters.published, counters.delivered, counters.stored) == (2, {"g": 1}, 0)
    assert world.admin.facts(world.endpoints)["fates.confirmed_but_lost"] == "1"
    world.admin.delete(world.endpoints)
    account = world.driver.account(world.endpoints)
    assert account.ids == {"g.lost": [(0, 1)]}
    assert list(account.rows[0].left_ns["g"]) == [5 * S + 1 * MS, -1]
    with pytest.raises(BadTarget, match="deleted"):
        world.driver.connect(world.session("g"))


def test_the_nth_destination_draws_times_of_its_own_and_the_same_each_time() -> None:
    def departures(world: World) -> list[int]:
        world.send(0, 20)
        while world.consumer.receive(1.0).count:
            pass
        return [at - 5 * S for at in world.driver.account(world.endpoints).rows[0].departure_ns["g"]]

    settings: dict[str, Any] = {"service": {"exponential": "1ms"}}
    one = World(**settings)
    first = departures(one)
    assert departures(World(**settings)) == first
    one.clock.now = 5 * S
    again = one.admin.declare(Destination("bb.2", 1, 1, {"g": 1}))
    one.producer = one.driver.connect(one.session(None, endpoints=again)).producer()
    one.consumer = one.driver.connect(one.session("g", endpoints=again)).consumer()
    one.endpoints = again
    assert departures(one) != first
