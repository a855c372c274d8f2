"""Each rule both ways: what must be caught, and a neighbour that must not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from brokerbench_analysis.folder import Json
from brokerbench_analysis.summary import analyse
from tests.analysis.edits import edit
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]
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
    own = one_trial(Behaviour(unsent_share=0.5, producer_busy=0.95))
    assert "600 of 1,200 messages were sent" in text(own)
    assert "client-bound: a producer was busy 95 % of the time, so it says nothing of the broker" in text(own)
    assert own["validity"]["labels"] == ["client-bound"]
    assert set(found(own, "invalid")) == {"rate-not-reached", "generator-busy", "not-steady"}
    theirs = one_trial(Behaviour(unsent_share=0.5, producer_busy=0.3))
    assert "the producers had time left (30 % busy): the broker took no more" in text(theirs)
    assert theirs["validity"]["labels"] == []
    assert {"rate-not-reached", "not-sustained"} <= set(found(theirs, "invalid"))


def test_nothing_sent_is_nobodys_loss(one_trial: OneTrial) -> None:
    assert set(found(one_trial(Behaviour(unsent_share=1.0)), "invalid")) >= {"nothing-sent", "rate-not-reached"}


BLAME = ("the broker took no more", "the broker or the group's consumers", "unsustainable")


@pytest.mark.parametrize(
    ("generator", "shown"),
    [
        ({"consumer_busy": 0.99}, "all-0 was busy 99 % of the time, so whose limit it was stays open"),
        ({"pauses_ms": {"producer-0": [300.0]}}, "producer-0 did not run for 5.0 % of the measured window"),
        ({}, None),
    ],
)
@pytest.mark.parametrize("slow", [{"unsent_share": 0.05}, {"delivered_share": 0.8}])
def test_where_the_generator_may_be_it_no_broker_is_blamed(
    one_trial: OneTrial, slow: Json, generator: Json, shown: str | None
) -> None:
    record = one_trial(Behaviour(**slow, **generator))
    assert {"rate-not-reached", "not-sustained", "backlog-growing"} & set(found(record, "invalid"))
    assert any(word in text(record) for word in BLAME) is (shown is None)
    if shown is not None:
        assert shown in text(record)
        assert record["validity"]["codes"][0] in {"generator-busy", "generator-paused"}


def test_an_unmeasured_generator_is_not_0_per_cent_busy(run: Run) -> None:
    made = run(Broker("a", Behaviour(unsent_share=0.05)), blocks=1, rate=200)

    def unmeasured(trial: Json) -> None:
        for child in (*trial["producers"], *trial["consumers"]):
            child["busy_share"] = None

    edit(made / "trials" / "b01-1-a" / "trial.json", unmeasured)
    (record,) = analyse(made).summary["candidates"]["a"]["trials"]
    assert "how busy the generator was is not measured, so whose limit it was stays open" in text(record)
    assert "0 % busy" not in text(record)


@pytest.mark.parametrize(("twice", "state"), [(14, "valid"), (15, "suspect"), (29, "invalid")])
def test_messages_that_two_consumers_got_are_in_throughput_twice(run: Run, twice: int, state: str) -> None:
    """Of 1,400."""
    made = run(Broker("a", Behaviour(duplicates=twice)), blocks=1, rate=200, groups={"all": 2})
    home = made / "trials" / "b01-1-a"

    def first(counts: Json) -> None:
        counts["unique"] += twice

    edit(home / "trial.json", lambda trial: first(trial["consumers"][0]))
    rows = [json.loads(line) for line in (home / "intervals.jsonl").read_text().splitlines()]
    last = next(i for i, row in enumerate(rows) if row["child"] == "all-0" and row["delivered"] - row["unique"])
    edit(home / "intervals.jsonl", first, row=last)
    (record,) = analyse(made).summary["candidates"]["a"]["trials"]
    assert record["validity"]["state"] == state
    assert record["validity"]["codes"] == ([] if state == "valid" else ["counted-twice"])


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
    assert ("unsustainable: group all got 160 of 200 msg/s asked for" in text(record)) is caught
    assert ("unsustainable: the backlog grew by 40 messages a second" in text(record)) is caught
    assert ("280 messages were waiting when the measured window ended" in text(record)) is caught


def test_a_steady_delay_is_no_backlog(one_trial: OneTrial) -> None:
    assert one_trial(Behaviour(end_to_end_ms=300))["validity"]["state"] == "valid"


@pytest.mark.parametrize("seed", range(8))
def test_random_arrivals_are_no_reason(one_trial: OneTrial, seed: int) -> None:
    """The schedule as drawn is what was asked for, and its scatter is neither drift nor backlog."""
    assert one_trial(arrivals="poisson", rate=100, measure_s=10, seed=seed)["validity"]["reasons"] == []


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


def test_all_confirmed_and_nothing_delivered(one_trial: OneTrial) -> None:
    """No latency was measured, only that each is at least the wait."""
    record = one_trial(Behaviour(lost=10**6), warmup_s=0)
    assert "nothing-delivered" in found(record, "invalid")
    assert (record["delivered_msgs_s"], record["ledger"]["delivered"], record["ledger"]["lost"]) == (0, 0, 1200)
    assert (record["end_to_end_ms"]["absent"], record["end_to_end_ms"]["at_least_from"]) == (1200, "p50")
    assert record["confirm_ms"]["count"] == 1200
    assert record["ledger"]["fates"]["confirmed"] == {"delivered": 0, "absent": 1200}


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
@pytest.mark.parametrize("by", ["steal", "throttled"])
def test_time_that_others_took_is_suspect(one_trial: OneTrial, by: str, share: float, state: str) -> None:
    record = one_trial(Behaviour(**{by: share}))
    assert record["validity"]["state"] == state
    assert found(record, "suspect") == (["contaminated"] if state == "suspect" else [])
    assert record["contamination"]["contaminated"] is (state == "suspect")
    assert record["contamination"][f"{by}_share"] == share


@pytest.mark.parametrize(("cores", "state"), [(0.2, "suspect"), (0.05, "valid")])
def test_other_servers_at_work(one_trial: OneTrial, cores: float, state: str) -> None:
    assert one_trial(Behaviour(bystanders=cores))["validity"]["state"] == state


def test_negative_latencies_are_suspect(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(negative=2))
    assert found(record, "suspect") == ["negative-latency"]
    assert "2 end_to_end values of all-0 were below zero: the clocks disagree (kept, each counted as 0)" in text(record)
    assert record["negative"] == {"send_delay": 0, "confirm": 0, "end_to_end": 2}


def test_a_short_window_is_suspect(one_trial: OneTrial) -> None:
    assert found(one_trial(measure_s=3), "suspect") == ["short"]
    assert one_trial(measure_s=4)["validity"]["state"] == "valid"


def test_an_unsteady_window_is_suspect(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(drift=-0.3), model="saturate")
    assert "not-steady" in found(record, "suspect")
    assert record["steady"]["state"] == "not steady"
    assert "200 msg/s in the first half of the measured window" in record["steady"]["reasons"][0]


def test_a_drifting_median_is_suspect(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(slower=0.5), measure_s=12)
    assert found(record, "suspect") == ["drifting"]
    assert record["steady"]["state"] == "drifting"
    assert "the median end-to-end latency rose by" in text(record)


def test_a_steady_window_says_so(one_trial: OneTrial) -> None:
    assert one_trial()["steady"] == {"state": "steady", "reasons": []}
    assert one_trial(measure_s=3)["steady"] == {"state": None, "reasons": []}


def test_an_unsustainable_rate_is_not_steady_and_said_once(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(delivered_share=0.8))
    assert record["steady"]["state"] == "not steady"
    assert record["validity"]["codes"].count("backlog-growing") == 1


@pytest.mark.parametrize(("total_ms", "state"), [(5, "valid"), (30, "suspect"), (300, "invalid")])
def test_a_generator_that_stood_still(one_trial: OneTrial, total_ms: float, state: str) -> None:
    """Of 6 s: 0.08, 0.5 and 5 %."""
    record = one_trial(Behaviour(pauses_ms={"all-0": [total_ms / 2] * 2, "producer-0": [1.0]}))
    assert record["validity"]["state"] == state
    assert record["pauses"] == {"count": 2, "total_ms": total_ms, "max_ms": total_ms / 2, "child": "all-0"}
    if state != "valid":
        assert found(record, state) == ["generator-paused"]
        assert f"all-0 did not run 2 times, {total_ms:.0f} ms in all" in text(record)
        assert f"{total_ms / 2:.0f} ms at the longest; the latencies above are the generator's" in text(record)


def test_a_pause_is_no_reason_against_a_saturating_throughput(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(pauses_ms={"all-0": [150.0] * 2}), model="saturate")
    assert record["validity"]["state"] == "suspect"
    assert "generator-paused" in record["validity"]["codes"]
    short = one_trial(Behaviour(pauses_ms={"all-0": [15.0] * 2}), model="saturate")
    assert "generator-paused" not in short["validity"]["codes"]


def test_an_invalid_reason_outweighs_suspect_ones(one_trial: OneTrial) -> None:
    record = one_trial(Behaviour(steal=0.5, corrupt=1))
    assert record["validity"]["state"] == "invalid"
    assert record["validity"]["codes"] == ["corrupt", "contaminated"]
