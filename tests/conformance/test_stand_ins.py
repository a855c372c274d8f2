"""A stand-in takes what a producer sends and confirms it; a consumer gets the canned messages again and again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import Connection, Destination, Endpoints, Fate, Feature, Session, Settle, StandIn
from brokerbench.model import Delivery, Guarantee
from brokerbench.servers import Guardian, Host
from tests.conformance.cases import CASES, Case
from tests.conformance.lab import DEADLINE_S, payloads_of, scenario, until, within
from tests.conformance.payloads import batch, body

SIZE, IN_FLIGHT, PREFETCH = 100, 200, 50
CANNED = [body(7, 0, sequence, SIZE) for sequence in range(300)]
COVERED = [case for case in CASES if case.driver.stand_in(case.client, case.settings) is not None]
SEVERAL = [case for case in COVERED if case.features & {Feature.COMPETING, Feature.GROUPS}]
each_one = pytest.mark.parametrize("covered", COVERED, ids=[case.id for case in COVERED])


class Stage:
    """A stand-in at work for one case, and the connections to it."""

    def __init__(self, case: Case, host: Host, canned: Path) -> None:
        self.case = case
        confirming = Feature.CONFIRMS in case.features
        delivery = Delivery(
            guarantee=Guarantee.AT_LEAST_ONCE if confirming else Guarantee.AT_MOST_ONCE, in_flight=IN_FLIGHT
        )
        promise = case.driver.promise(case.settings, delivery, scenario(case, {"a": 1}, delivery, prefetch=PREFETCH))
        self.settings = case.driver.Settings.from_base(promise.settings)
        found = case.driver.stand_in(case.client, self.settings)
        assert found is not None
        self.stand_in: StandIn = found
        self._host, self._canned = host, canned
        self._open: list[Connection] = []

    def start(self, producers: int, consumers: int = 1) -> Endpoints:
        destination = Destination("bb.try", consumers, producers, {"a": consumers})
        return self.stand_in.start(self._host, destination, self._canned, SIZE)

    def connect(self, endpoints: Endpoints, group: str | None, index: int = 0) -> Any:
        session = Session(endpoints, self.case.client, self.settings, IN_FLIGHT, PREFETCH, SIZE, index, group)
        made = self.case.driver.connect(session)
        self._open.append(made)
        return made

    def close(self) -> None:
        for connection in self._open:
            within(DEADLINE_S, connection.close, "Connection.close")
        self._host.close(0.5)


@pytest.fixture(scope="module")
def guardian() -> Iterator[Guardian]:
    with Guardian() as made:
        yield made


@pytest.fixture
def stage(covered: Case, guardian: Guardian, tmp_path: Path) -> Iterator[Stage]:
    canned = tmp_path / "canned"
    canned.write_bytes(b"".join(CANNED))
    made = Stage(covered, guardian.host("stand-in", tmp_path), canned)
    yield made
    made.close()


def test_the_drivers_that_have_one() -> None:
    assert {"nats", "null", "zeromq"} <= {case.driver_name for case in COVERED}


@each_one
def test_takes_all_and_confirms_where_the_candidate_does(stage: Stage) -> None:
    producer = stage.connect(stage.start(producers=1), None).producer()
    goal, taken, confirmed = 20 * IN_FLIGHT, 0, 0

    def done() -> bool:
        nonlocal taken, confirmed
        room = min(producer.room(), goal - taken, 50)
        if room > 0:
            taken += producer.send(batch(CANNED[:room]))
        answers = producer.confirms(0.001)
        assert (answers.fate == Fate.CONFIRMED.value).all()
        confirmed += int((answers.last - answers.first + 1).sum())
        return taken == goal and (confirmed == goal or Feature.CONFIRMS not in stage.case.features)

    until(done, f"{goal} messages taken, and confirmed where it confirms")
    assert confirmed in (0, goal)


@each_one
def test_gives_canned_messages_for_ever(stage: Stage) -> None:
    consumer = stage.connect(stage.start(producers=0), "a").consumer()
    settles = Feature.SETTLE in stage.case.features
    got: list[bytes] = []

    def more() -> bool:
        deliveries = consumer.receive(0.01)
        got.extend(payloads_of(deliveries))
        if deliveries.count and settles:
            consumer.settle(deliveries.tokens, Settle.ACCEPT)
        return len(got) >= 5 * len(CANNED)

    until(more, "five rounds of the canned messages")
    first = CANNED.index(got[0])
    assert got == [CANNED[(first + i) % len(CANNED)] for i in range(len(got))]


@pytest.mark.parametrize("covered", SEVERAL, ids=[case.id for case in SEVERAL])
def test_two_consumers_need_not_wait_for_each_other(stage: Stage) -> None:
    endpoints = stage.start(producers=0, consumers=2)
    idle = stage.connect(endpoints, "a", 0).consumer()
    busy = stage.connect(endpoints, "a", 1).consumer()
    got = 0

    def more() -> bool:
        nonlocal got
        deliveries = busy.receive(0.01)
        got += deliveries.count
        if deliveries.count and Feature.SETTLE in stage.case.features:
            busy.settle(deliveries.tokens, Settle.ACCEPT)
        return got >= 5 * len(CANNED)

    until(more, "five rounds, while the other consumer takes nothing")
    assert idle.receive(DEADLINE_S).count > 0
