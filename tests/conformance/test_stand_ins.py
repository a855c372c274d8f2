"""A stand-in takes what a producer sends and confirms it; a consumer gets the canned messages again and again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import Destination, Feature, Settle
from brokerbench.model import Delivery, Guarantee
from brokerbench.servers import Guardian
from tests.conformance.cases import CASES, Case
from tests.conformance.lab import DEADLINE_S, payloads_of, scenario, until
from tests.conformance.payloads import body
from tests.support.stand_in import PREFETCH, Stage, send_all

SIZE, IN_FLIGHT = 100, 200
CANNED = [body(7, 0, sequence, SIZE) for sequence in range(300)]
COVERED = [case for case in CASES if case.driver.stand_in(case.client, case.settings) is not None]
SEVERAL = [case for case in COVERED if case.features & {Feature.COMPETING, Feature.GROUPS}]
each_one = pytest.mark.parametrize("covered", COVERED, ids=[case.id for case in COVERED])


def promised_settings(case: Case) -> Any:
    """As a run has them: what the candidate's promise makes of its settings."""
    confirming = Feature.CONFIRMS in case.features
    guarantee = Guarantee.AT_LEAST_ONCE if confirming else Guarantee.AT_MOST_ONCE
    delivery = Delivery(guarantee=guarantee, in_flight=IN_FLIGHT)
    promise = case.driver.promise(case.settings, delivery, scenario(case, {"a": 1}, delivery, prefetch=PREFETCH))
    return case.driver.Settings.from_base(promise.settings)


def start(stage: Stage, producers: int, consumers: int = 1) -> None:
    stage.start(Destination("bb.try", consumers, producers, {"a": consumers}))


@pytest.fixture(scope="module")
def guardian() -> Iterator[Guardian]:
    with Guardian() as made:
        yield made


@pytest.fixture
def stage(covered: Case, guardian: Guardian, tmp_path: Path) -> Iterator[Stage]:
    host, settings = guardian.host("stand-in", tmp_path), promised_settings(covered)
    made = Stage(host, tmp_path, covered.driver, covered.client, settings, CANNED, IN_FLIGHT)
    yield made
    made.close()


def test_the_drivers_that_have_one() -> None:
    assert {"nats", "null", "zeromq"} <= {case.driver_name for case in COVERED}


@each_one
def test_takes_all_and_confirms_where_the_candidate_does(covered: Case, stage: Stage) -> None:
    start(stage, producers=1)
    confirming = Feature.CONFIRMS in covered.features
    answers = send_all(stage.connect().producer(), CANNED, 20 * IN_FLIGHT, confirming=confirming)
    assert (answers == int(confirming)).all()


@each_one
def test_gives_canned_messages_for_ever(covered: Case, stage: Stage) -> None:
    start(stage, producers=0)
    consumer = stage.connect("a").consumer()
    settles = Feature.SETTLE in covered.features
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
def test_two_consumers_need_not_wait_for_each_other(covered: Case, stage: Stage) -> None:
    start(stage, producers=0, consumers=2)
    idle = stage.connect("a", 0).consumer()
    busy = stage.connect("a", 1).consumer()
    got = 0

    def more() -> bool:
        nonlocal got
        deliveries = busy.receive(0.01)
        got += deliveries.count
        if deliveries.count and Feature.SETTLE in covered.features:
            busy.settle(deliveries.tokens, Settle.ACCEPT)
        return got >= 5 * len(CANNED)

    until(more, "five rounds, while the other consumer takes nothing")
    assert idle.receive(DEADLINE_S).count > 0
