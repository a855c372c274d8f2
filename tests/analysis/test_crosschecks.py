"""Each cross-check both ways: it holds on a sound trial, and an edit that files alone would not betray breaks it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis.folder import Json
from brokerbench_analysis.summary import analyse
from tests.analysis.edits import age, edit
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]
SATURATE = {"model": "saturate", "rate": 200, "blocks": 1, "producers": 2}
OPEN = {"rate": 100, "blocks": 1, "producers": 2, "groups": {"billing": 2, "audit": 1}}


def record(folder: Path) -> Json:
    found: Json = analyse(folder).summary["candidates"]["a"]["trials"][0]
    return found


def checks(folder: Path, name: str) -> list[Json]:
    return [check for check in record(folder)["checks"] if check["name"] == name]


def broken(folder: Path, code: str) -> list[str]:
    """The reasons of that code; all of them must make the trial invalid."""
    validity = record(folder)["validity"]
    texts = [text for c, text in zip(validity["codes"], validity["reasons"], strict=True) if c == code]
    assert not texts or validity["state"] == "invalid"
    return texts


def trial_json(folder: Path, change: Callable[[Json], Any]) -> None:
    edit(folder / "trials" / "b01-1-a" / "trial.json", change)


@pytest.mark.parametrize("question", [OPEN, SATURATE])
@pytest.mark.parametrize("confirms", [True, False])
def test_all_hold_on_a_sound_trial(run: Run, question: Json, confirms: bool) -> None:
    found = record(run(Broker("a", Behaviour(confirms=confirms)), **question))
    assert found["validity"]["state"] == "valid"
    names = {check["name"] for check in found["checks"]}
    assert names >= {
        "scheduled",
        "fates",
        "workers",
        "intervals",
        "histogram",
        "broker-counters",
        "littles-law",
        "mean-by-sums",
    }
    assert ("closed-loop" in names) is (confirms and question is SATURATE)
    undecided = {check["about"] for check in found["checks"] if check["holds"] is not True}
    assert undecided <= {"a full window"}
    assert set(found["checks"][0]) == {"name", "about", "expected", "found", "off", "limit", "holds"}


def test_scheduled_is_sent_and_unsent(run: Run) -> None:
    made = run(Broker("a"), **OPEN)
    trial_json(made, lambda t: t["producers"][0].update(unsent=3))
    assert broken(made, "sums-differ")[0].startswith("700 messages were scheduled, sent and unsent are 703")


def test_sent_is_promised_refused_and_unknown(run: Run) -> None:
    made = run(Broker("a"), **OPEN)
    edit(made / "trials" / "b01-1-a" / "ledger.json", lambda ledger: ledger.update(promised=690))
    assert "700 messages were sent, promised, refused and unknown ones are 690" in broken(made, "sums-differ")[0]


def test_the_histogram_holds_what_arrived_in_the_window(run: Run) -> None:
    made = run(Broker("a"), **OPEN)
    trial_json(made, lambda t: t["consumers"][0].update(in_window=299))
    (found,) = broken(made, "sums-differ")
    assert found.startswith("599 distinct messages of the window reached group billing, its histogram holds 600")


@pytest.mark.parametrize(("counter", "name"), [("sent", "workers"), ("delivered", "workers")])
def test_sums_over_workers_are_told_once(run: Run, counter: str, name: str) -> None:
    made = run(Broker("a"), **OPEN)
    edit(made / "trials" / "b01-1-a" / "ledger.json", lambda ledger: ledger.update({counter: ledger[counter] + 1}))
    (check,) = checks(made, name)
    assert (check["holds"], check["expected"] - check["found"]) == (False, 1)
    assert broken(made, "integrity")


def test_sums_over_intervals(run: Run) -> None:
    made = run(Broker("a"), **OPEN)
    edit(made / "trials" / "b01-1-a" / "intervals.jsonl", lambda line: line.update(sent=line["sent"] + 1), row=0)
    (check,) = checks(made, "intervals")
    assert (check["holds"], check["found"] - check["expected"]) == (False, 1)
    assert broken(made, "integrity")


@pytest.mark.parametrize(("share", "holds"), [(0.003, True), (0.007, False), (-0.007, False)])
def test_the_mean_latency_by_sums(run: Run, share: float, holds: bool) -> None:
    """Arrivals moved by a share of the mean latency: the histograms do not know."""
    made = run(Broker("a"), rate=100, blocks=1)
    mean_ns = record(made)["end_to_end_ms"]["mean"] * 1e6

    def late(trial: Json) -> None:
        trial["consumers"][0]["in_window_received_sum_ns"] += int(600 * mean_ns * share)

    trial_json(made, late)
    (check,) = checks(made, "mean-by-sums")
    assert check["holds"] is holds
    assert check["off"] == pytest.approx(abs(share), abs=0.001)
    assert bool(broken(made, "mean-by-sums")) is not holds


@pytest.mark.parametrize(("share", "holds"), [(0.04, True), (0.07, False)])
def test_littles_law_holds_the_printed_throughput(run: Run, share: float, holds: bool) -> None:
    """Deliveries by the clock lowered by a share: no sum of the files knows, and the mean latency is untouched."""
    made = run(Broker("a"), rate=100, blocks=1)
    before = record(made)["delivered_msgs_s"]

    def fewer(trial: Json) -> None:
        trial["consumers"][0]["unique_by_time"] -= round(600 * share)

    trial_json(made, fewer)
    assert record(made)["delivered_msgs_s"] == pytest.approx(before * (1 - share), rel=0.01)
    (check,) = checks(made, "littles-law")
    assert check["holds"] is holds
    assert 0.05 < check["limit"] < 0.06
    assert bool(broken(made, "littles-law")) is not holds
    assert checks(made, "mean-by-sums")[0]["holds"] is True


@pytest.mark.parametrize("why", [{"lost": 5}, {"negative": 2}])
def test_sums_are_open_where_they_are_not_over_the_same_values(run: Run, why: Json) -> None:
    """A latency below zero is 0 in the histogram and below it in the sum."""
    made = run(Broker("a", Behaviour(**why)), rate=100, blocks=1)
    for name in ("mean-by-sums", "littles-law"):
        (check,) = checks(made, name)
        assert (check["expected"], check["holds"]) == (None, None)


@pytest.mark.parametrize(("share", "holds"), [(0.015, True), (0.04, False), (-0.04, False)])
def test_the_closed_loop(run: Run, share: float, holds: bool) -> None:
    made = run(Broker("a", Behaviour(confirm_ms=20)), **SATURATE)

    def fuller(trial: Json) -> None:
        for producer in trial["producers"]:
            producer["in_flight_mean"] *= 1 + share

    trial_json(made, fuller)
    assert checks(made, "closed-loop")[0]["holds"] is holds
    assert bool(broken(made, "closed-loop")) is not holds


@pytest.mark.parametrize(("slots", "holds"), [(2, True), (3, None)])
def test_a_full_window_holds_as_many_as_the_load_keeps(run: Run, slots: int, holds: bool | None) -> None:
    """2 producers at 100 msg/s each and 20 ms: two messages each are under way; of three slots one is free."""
    made = run(Broker("a", Behaviour(confirm_ms=20, sigma=0.001, spread=0)), delivery={"in_flight": slots}, **SATURATE)
    (_, full) = checks(made, "closed-loop")
    assert full["holds"] is holds
    assert full["expected"] == (4 if holds else None)


def test_the_closed_loop_is_open_where_answers_are_missing(run: Run) -> None:
    found = checks(run(Broker("a", Behaviour(refused=6)), **SATURATE), "closed-loop")
    assert [check["holds"] for check in found] == [None, None]


@pytest.mark.parametrize(("off", "holds"), [(0, True), (3, True), (30, False)])
def test_the_brokers_own_counters(run: Run, off: int, holds: bool) -> None:
    found = checks(run(Broker("a", Behaviour(counter_off=off)), rate=200, blocks=1), "broker-counters")
    assert [check["holds"] for check in found] == [holds, True]
    assert [check["about"] for check in found] == ["published", "delivered to group all"]


def test_what_an_old_trial_does_not_have_is_open(run: Run) -> None:
    made = run(Broker("a"), **SATURATE)
    age(made)
    found = record(made)
    assert found["validity"]["state"] == "valid"
    open_ones = {check["name"] for check in found["checks"] if check["holds"] is None}
    assert open_ones == {"mean-by-sums", "littles-law", "closed-loop"}


@pytest.mark.parametrize(("buried", "holds"), [(500, True), (499, True), (400, False), (None, None)])
def test_what_was_rejected_is_in_the_dead_letter_queue(run: Run, buried: int | None, holds: bool | None) -> None:
    made = run(Broker("a"), **OPEN)
    edit(made / "trials" / "b01-1-a" / "ledger.json", lambda ledger: ledger["groups"]["audit"].update(rejected=500))
    trial_json(made, lambda t: t["broker_counters"].update(dead_lettered={"audit": buried}))
    [check] = [each for each in checks(made, "broker-counters") if "dead-letter" in each["about"]]
    assert (check["expected"], check["found"], check["holds"]) == (500, buried, holds)
    told = [text for text in record(made)["validity"]["reasons"] if "in the dead-letter queue of group audit" in text]
    assert bool(told) is (buried in (499, 400))  # one apart is suspect already
