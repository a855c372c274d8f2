"""Each rule both ways: what must be caught, and a neighbour that must not."""

from collections.abc import Callable

import pytest

from brokerbench_analysis.folder import Json
from tests.analysis.folders import Behaviour

OneTrial = Callable[..., Json]


def found(record: Json, state: str) -> list[str]:
    return [code for code in record["validity"]["codes"] if record["validity"]["state"] == state]


def text(record: Json) -> str:
    return " | ".join(record["validity"]["reasons"])


def test_a_sound_trial_is_valid(one_trial: OneTrial) -> None:
    record = one_trial()
    assert record["validity"] == {"state": "valid", "reasons": [], "codes": [], "labels": []}


@pytest.mark.parametrize(("share", "caught"), [(0.02, True), (0.005, False)])
def test_unsent_messages(one_trial: OneTrial, share: float, caught: bool) -> None:
    record = one_trial(Behaviour(unsent_share=share))
    assert ("rate-not-reached" in found(record, "invalid")) is caught


def test_whose_fault_an_unreached_rate_is(one_trial: OneTrial) -> None:
    own = text(one_trial(Behaviour(unsent_share=0.1, producer_busy=0.95)))
    assert "1,080 of 1,200 messages were sent" in own
    assert "the generator's own limit: a producer's core was 95 % busy" in own
    theirs = text(one_trial(Behaviour(unsent_share=0.1, producer_busy=0.3)))
    assert "the producers had time left (30 % busy): the broker took no more" in theirs


@pytest.mark.parametrize("side", ["producer_busy", "consumer_busy"])
@pytest.mark.parametrize(("share", "caught"), [(0.81, True), (0.79, False)])
def test_a_busy_generator(one_trial: OneTrial, side: str, share: float, caught: bool) -> None:
    record = one_trial(Behaviour(**{side: share}))
    assert ("generator-busy" in found(record, "invalid")) is caught


@pytest.mark.parametrize(("share", "caught"), [(0.8, True), (1.0, False)])
def test_a_growing_backlog(one_trial: OneTrial, share: float, caught: bool) -> None:
    record = one_trial(Behaviour(delivered_share=share))
    codes = found(record, "invalid")
    assert ("backlog-growing" in codes) is caught
    assert ("not-sustained" in codes) is caught
    assert ("group all got 160 of 200 msg/s asked for" in text(record)) is caught


def test_a_steady_delay_is_no_backlog(one_trial: OneTrial) -> None:
    assert one_trial(Behaviour(end_to_end_ms=300))["validity"]["state"] == "valid"


def test_in_saturate_these_are_labels(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(producer_busy=0.95, delivered_share=0.8), model="saturate")
    assert record["validity"]["labels"] == ["client-bound", "queue-length latency"]
    assert record["validity"]["state"] == "valid"
    assert one_trial(model="saturate")["validity"]["labels"] == []


def test_loss_is_a_fact_not_an_error(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(lost=240))
    assert record["validity"]["state"] == "valid"
    assert record["ledger"]["lost"] == 240


def test_an_open_ledger(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(unknown=4))
    assert found(record, "invalid") == ["ledger-open"]
    assert "the fate of 2 messages is unknown" in text(record)


def test_unknown_and_all_arrived_is_closed(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(unknown=1, duplicates=0))
    assert found(record, "invalid") == ["ledger-open"]  # half of one, rounded down, arrived


def test_nothing_delivered(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(lost=10**6), warmup_s=0)
    assert "nothing-delivered" in found(record, "invalid")


def test_corrupt_and_foreign_messages(one_trial: OneTrial) -> None:
    assert "corrupt" in found(one_trial(Behaviour(corrupt=1)), "invalid")
    assert found(one_trial(Behaviour(foreign=1)), "suspect") == ["foreign"]


@pytest.mark.parametrize(("off", "state"), [(0, "valid"), (3, "suspect"), (30, "invalid")])
def test_the_brokers_own_counters(one_trial: OneTrial, off: int, state: str) -> None:
    record = one_trial(Behaviour(counter_off=off))
    assert record["validity"]["state"] == state
    assert (f"the broker counts {1400 - off:,} messages published, the ledger 1,400" in text(record)) is (off > 0)


def test_a_broker_without_counters_is_not_blamed(one_trial: OneTrial) -> None:
    assert one_trial(Behaviour(counters=False))["validity"]["state"] == "valid"


@pytest.mark.parametrize(("share", "state"), [(0.02, "suspect"), (0.005, "valid")])
def test_steal_alone_is_suspect(one_trial: OneTrial, share: float, state: str) -> None:
    record = one_trial(Behaviour(steal=share))
    assert record["validity"]["state"] == state
    assert found(record, "suspect") == (["steal"] if state == "suspect" else [])


@pytest.mark.parametrize(("cores", "state"), [(0.2, "suspect"), (0.05, "valid")])
def test_other_servers_at_work(one_trial: OneTrial, cores: float, state: str) -> None:
    assert one_trial(Behaviour(bystanders=cores))["validity"]["state"] == state


def test_negative_latencies_are_suspect(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(negative=2))
    assert found(record, "suspect") == ["negative-latency"]
    assert "2 end_to_end values of all-0 were below zero" in text(record)


def test_a_short_window_is_suspect(one_trial: OneTrial) -> None:
    assert found(one_trial(measure_s=3), "suspect") == ["short"]
    assert one_trial(measure_s=4)["validity"]["state"] == "valid"


def test_an_unsteady_window_is_suspect(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(drift=-0.3), model="saturate")
    assert found(record, "suspect") == ["unsteady"]


def test_an_invalid_reason_outweighs_suspect_ones(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(steal=0.5, corrupt=1))
    assert record["validity"]["state"] == "invalid"
    assert set(record["validity"]["codes"]) == {"steal", "corrupt"}
