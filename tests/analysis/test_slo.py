"""SLOs: every usable trial must meet them, and what cannot be told is not met."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis.folder import Json
from brokerbench_analysis.slo import in_words
from brokerbench_analysis.summary import analyse
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]


def slo(metric: str, op: str, value: float) -> Json:
    return {"metric": metric, "op": op, "value": value, "text": f"{op} {value:g}"}


def met(folder: Path) -> list[bool | None]:
    return [row["met"] for row in analyse(folder).summary["slo"]]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (slo("end_to_end.p99", "<", 50), True),
        (slo("end_to_end.p99", "<", 1), False),
        (slo("end_to_end.p99_9", "<", 50), None),
        (slo("service.p99", "<", 50), None),
        (slo("lost", "=", 0), True),
        (slo("duplicates", "=", 0), True),
        (slo("delivered_msgs_s", ">=", 240), True),
        (slo("delivered_msgs_s", ">", 260), False),
        (slo("no_such_figure", "<", 1), None),
    ],
)
def test_conditions(run: Run, condition: Json, expected: bool | None) -> None:
    assert met(run(Broker("a"), rate=250, slo=[condition])) == [expected]


def test_the_row_says_what_was_asked_and_found(run: Run) -> None:
    (row,) = analyse(
        run(Broker("a", Behaviour(exact_ms=[2.0])), rate=250, slo=[slo("end_to_end.p99", "<", 50)])
    ).summary["slo"]
    assert row == {
        "candidate": "a",
        "slo": "end_to_end.p99: < 50",
        "words": "end-to-end p99 < 50 ms",
        "metric": "end_to_end.p99",
        "value": pytest.approx(2.0, rel=1e-3),
        "at_least": False,
        "met": True,
        "why": None,
    }


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (slo("lost", "=", 0), "lost messages = 0"),
        (slo("throughput", ">=", 5000), "throughput ≥ 5,000 msg/s"),
        (slo("confirm.p99.9", "<=", 0.5), "confirm p99.9 ≤ 0.5 ms"),
        (slo("no_such_figure", "<", 1), "no_such_figure: < 1"),
    ],
)
def test_an_objective_in_words(condition: Json, expected: str) -> None:
    assert in_words(condition) == expected


def test_one_trial_that_misses_it_is_enough(run: Run) -> None:
    """Trials differ by chance here; a limit between the best and the worst trial is not met."""
    made = run(Broker("a", Behaviour(spread=0.5)), rate=250, blocks=4)
    trials = analyse(made).summary["candidates"]["a"]["trials"]
    each = sorted(t["end_to_end_ms"]["p50"] for t in trials)
    limit = (each[-2] + each[-1]) / 2
    again = run(Broker("a", Behaviour(spread=0.5)), rate=250, blocks=4, slo=[slo("end_to_end.p50", "<", limit)])
    assert met(again) == [False]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (slo("end_to_end.p99", "<", 100), False),  # at least 500 ms
        (slo("end_to_end.p99", "<", 5_000), None),  # at least 500 ms may be more than 5 s
        (slo("end_to_end.p50", "<", 100), True),
        (slo("lost", "=", 0), False),
    ],
)
def test_with_lost_messages(run: Run, condition: Json, expected: bool | None) -> None:
    assert met(run(Broker("a", Behaviour(lost=60)), rate=250, slo=[condition])) == [expected]


def test_nobody_measured_nobody_met(run: Run) -> None:
    assert met(run(Broker("a", Behaviour(consumer_busy=0.9)), rate=250, slo=[slo("lost", "=", 0)])) == [None]


@pytest.mark.parametrize(
    "bad", [{"delivered_share": 0.7}, {"unknown": 4}, {"corrupt": 1}, {"unsent_share": 0.1, "producer_busy": 0.3}]
)
def test_a_load_that_was_not_carried_is_met_by_no_other_trial(run: Run, bad: Json) -> None:
    spoiled = dict.fromkeys((1, 3), Behaviour(**bad))
    asked = run(Broker("a", blocks=spoiled), rate=250, blocks=5, slo=[slo("end_to_end.p99", "<", 50)])
    (row,) = analyse(asked).summary["slo"]
    assert (row["met"], row["why"]) == (False, "did not carry the load in 2 of 5 trials")


def test_trials_that_the_generator_spoiled_say_nothing_of_the_broker(run: Run) -> None:
    spoiled = {1: Behaviour(unsent_share=0.1, producer_busy=0.9), 2: Behaviour(delivered_share=0.7, consumer_busy=0.9)}
    assert met(run(Broker("a", blocks=spoiled), rate=250, blocks=5, slo=[slo("end_to_end.p99", "<", 50)])) == [True]


def test_a_loss_that_was_repeated_away_is_a_loss(run: Run) -> None:
    lossy = Broker("a", Behaviour(steal=0.1, lost=2), repeats={1: Behaviour()})
    (row,) = analyse(run(lossy, rate=250, blocks=1, slo=[slo("lost", "=", 0)])).summary["slo"]
    assert (row["value"], row["met"]) == (2, False)


def test_floor_and_excluded_are_not_asked(run: Run) -> None:
    others: list[Any] = [Broker("z", Behaviour(confirms=False), role="floor"), Broker("x", excluded="because")]
    assert len(met(run(Broker("a"), *others, rate=250, slo=[slo("lost", "=", 0)]))) == 1
