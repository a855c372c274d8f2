"""What the simulated broker's driver decides without a server, and how its settings read."""

from typing import Any

import pytest

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import Delivery, Guarantee, Promise, PromisePoint, Scenario, Survives
from brokerbench_drivers.simulated import DRIVER
from brokerbench_drivers.simulated.settings import Settings


def promise(delivery: Delivery, **settings: Any) -> Promise:
    scenario = Scenario.model_validate(
        {
            "scenario": "s",
            "brokers": {"it": {"driver": "simulated"}},
            "message": {"size": "100B"},
            "load": {"model": "saturate", "stages": [{"steady": "1s"}]},
        }
    )
    return DRIVER.promise(Settings.model_validate(settings), delivery, scenario)


def test_what_it_promises_depends_on_its_confirms() -> None:
    asked = Delivery(guarantee=Guarantee.AT_MOST_ONCE)
    confirming, silent = promise(asked), promise(asked, confirms=False)
    assert (confirming.guarantee, confirming.point) == (Guarantee.AT_LEAST_ONCE, PromisePoint.CONFIRMED)
    assert (silent.guarantee, silent.point) == (Guarantee.AT_MOST_ONCE, PromisePoint.HANDED_OVER)
    with pytest.raises(CannotPromise, match="use confirms: true"):
        promise(Delivery(), confirms=False)


def test_it_survives_nothing() -> None:
    for survives in list(Survives)[1:]:
        with pytest.raises(CannotPromise, match="use survives: nothing"):
            promise(Delivery(survives=survives))


def test_the_plan_says_its_law_and_what_it_breaks() -> None:
    notes = promise(
        Delivery(),
        service={"exponential": "2ms"},
        workers=3,
        capacity="10k",
        stalls=[{"at": "1s", "for": "1s"}],
        fates={"duplicated": ["every 10"]},
    ).notes
    assert notes == (
        "each group has a queue of its own: service exponential, mean 2 ms, 3 workers, capacity 10,000 (reject),"
        " 1 stall",
        "breaks its promises on purpose: duplicated",
    )


def test_workers_side_by_side_promise_no_order() -> None:
    assert Feature.ORDER in DRIVER.features(Settings())
    assert Feature.ORDER not in DRIVER.features(Settings(workers=2))


HALF = {"at": "0s", "for": "500ms", "every": "1s"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"service": {}}, "one of constant, exponential and trace"),
        ({"service": {"constant": "1ms", "exponential": "1ms"}}, "one of constant"),
        ({"stalls": [{"at": "1s", "for": "2s", "every": "2s"}]}, "every is longer than for"),
        ({"stalls": [HALF, {**HALF, "at": "500ms"}]}, "leave time to work: .*; found 1 "),
        ({"stalls": [{"at": "0s", "for": "1ms", "every": "10ms"}] * 10}, "found 1 "),
        ({"fates": {"refused": [-1]}}, "a sequence, like 5"),
        ({"fates": {"refused": ["every 0"]}}, "or every 100"),
        ({"confirms": False, "fates": {"refused": [1]}}, "nothing can be refused"),
        ({"confirms": False, "capacity": 5}, "overflow: drop-head"),
        ({"capacity": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings.model_validate(settings)


def test_stalls_that_leave_time_are_taken() -> None:
    once = {"at": "0s", "for": "1h"}
    assert len(Settings.model_validate({"stalls": [HALF, once, once, {**HALF, "every": "1001ms"}]}).stalls) == 4


def test_urls() -> None:
    assert DRIVER.address("simulated://127.0.0.1:4100") == {"host": "127.0.0.1", "port": 4100}
    for wrong in ("simulated://host", "nats://host:1", "simulated://:1"):
        with pytest.raises(ValueError, match="simulated://host:port"):
            DRIVER.address(wrong)


def test_candidates_share_a_server_whatever_their_settings() -> None:
    [recipe] = DRIVER.servers.values()
    assert recipe.key(Settings()) == recipe.key(Settings(workers=2))
