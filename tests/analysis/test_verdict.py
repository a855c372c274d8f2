"""The sentence: what it says, and what it must not say."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis.doubt import said
from brokerbench_analysis.summary import analyse
from brokerbench_analysis.verdict import Verdict
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]


def exact(name: str, *values_ms: float, **other: Any) -> Broker:
    return Broker(name, Behaviour(exact_ms=values_ms, **other))


def verdict(folder: Path) -> Verdict:
    return analyse(folder).verdict


def test_a_clear_winner(run: Run) -> None:
    found = verdict(run(exact("kafka", 6.0), exact("nats", 2.0), rate=250))
    assert found.sentence == (
        "At 250 msg/s over 3 blocks nats has an end-to-end p99 3.0 times lower than kafka."
        " It has the lowest end-to-end p99: 2.00 ms, 2.00–2.00 over 3 trials."
    )
    assert [row["candidate"] for row in found.ranking] == ["nats", "kafka"]
    assert [row["rank"] for row in found.ranking] == [1, 2]


def test_figures_of_trials_that_were_disturbed_are_no_answer(run: Run) -> None:
    disturbed = analyse(run(exact("a", 2.0, steal=0.1), exact("b", 3.0), rate=250)).summary
    assert "a" in disturbed["verdict"]["sentence"]
    assert said(disturbed) == "No answer to rely on: no trial of a is valid."
    clean = analyse(run(exact("a", 2.0), exact("b", 3.0), rate=250)).summary
    assert said(clean) == clean["verdict"]["sentence"]


def test_better_than_one_the_same_as_another(run: Run) -> None:
    found = verdict(run(exact("a", 2.0), exact("b", 2.04), exact("c", 2.4), rate=250))
    assert found.claims == (
        "has an end-to-end p99 16–17 % lower than c",
        "no difference shown from b (within 10 %)",
    )
    assert found.sentence.endswith(
        "no difference shown from b (within 10 %). It measured the lowest end-to-end p99: 2.00 ms,"
        " 2.00–2.00 over 3 trials."
    )


def test_no_best(run: Run) -> None:
    found = verdict(run(exact("a", 2.0), exact("b", 2.04), rate=250))
    assert found.sentence.startswith(
        "At 250 msg/s over 3 blocks no candidate is shown to be best by end-to-end p99; a measured 2.00 ms"
    )
    assert found.sentence.endswith(": no difference shown from b (within 10 %).")


def test_undecided(run: Run) -> None:
    found = verdict(run(Broker("a"), Broker("b", Behaviour(end_to_end_ms=2.4, spread=0.6)), rate=250))
    assert "no candidate is shown to be best" in found.sentence
    (claim,) = found.claims
    assert re.fullmatch(r"undecided against b \(between [\d.]+ (%|times) lower and [\d.]+ (%|times) higher\)", claim)
    assert claim in found.sentence


def test_saturate_speaks_of_throughput(run: Run) -> None:
    found = verdict(run(Broker("a"), Broker("b", Behaviour(delivered_share=0.5)), rate=250, model="saturate"))
    assert found.sentence.startswith("At full load over 3 blocks a carries 2.0 times more than b. It has the highest ")


def test_percent_is_said_in_the_words_of_throughput(run: Run) -> None:
    slow = Broker("b", Behaviour(delivered_share=0.8))
    found = verdict(run(Broker("a"), slow, rate=250, model="saturate", primary="throughput"))
    assert found.claims == ("carries 25 % more than b",)


def test_no_block_in_common_is_not_counted(run: Run) -> None:
    parts = Broker("a", states={1: "failed"}), Broker("b", Behaviour(end_to_end_ms=6), states={2: "failed"})
    found = verdict(run(*parts, rate=250, blocks=2))
    assert found.sentence.startswith("At 250 msg/s no candidate is shown to be best by end-to-end p99; a measured")


def test_a_lower_bound_in_the_range_is_called_one(run: Run) -> None:
    """Block 1 lost nothing; in 2 and 3 the p99 lies among the lost."""
    few, many = Behaviour(exact_ms=(2.0,), confirms=False), Behaviour(exact_ms=(2.0,), confirms=False, lost=60)
    repeats = dict.fromkeys((2, 3), many)
    loser = Broker("b", replace(few, steal=0.05), guarantee="at-most-once", repeats={1: few, **repeats})
    found = verdict(run(loser, rate=250, delivery={"guarantee": "at-most-once"}))
    (row,) = found.ranking
    assert (row["low"], row["low_at_least"], row["high_at_least"]) == (pytest.approx(2.0, rel=0.01), False, True)
    assert re.search(r", 2\.00 to at least [\d,.]+ over 3 trials", found.sentence)
    found = verdict(run(Broker("b", many, guarantee="at-most-once"), rate=250, delivery={"guarantee": "at-most-once"}))
    assert found.ranking[0]["low_at_least"]
    assert re.search(r", each at least [\d,.]+ over 3 trials", found.sentence)


def test_one_block_makes_no_claim(run: Run) -> None:
    found = verdict(run(exact("a", 2.0), exact("b", 6.0), rate=250, blocks=1))
    assert found.sentence.startswith("At 250 msg/s over 1 block no candidate is shown to be best")
    assert found.claims == ("b cannot be compared (1 block in which both were measured; 2 are the least)",)


def test_the_margin_is_the_scenarios_own(run: Run) -> None:
    folder = run(exact("a", 2.0), exact("b", 2.3), rate=250)
    path = folder / "run.json"
    made = json.loads(path.read_text())
    made["scenario"]["margins"] = {"throughput": 0.05, "latency": 0.2}
    path.write_text(json.dumps(made))
    assert verdict(folder).claims == ("no difference shown from b (within 20 %)",)


def test_only_one_candidate(run: Run) -> None:
    found = verdict(run(exact("a", 2.0), rate=250))
    assert found.sentence == (
        "At 250 msg/s a had an end-to-end p99 of 2.00 ms, 2.00–2.00 over 3 trials; nothing else could be ranked."
    )


def test_smoke_makes_no_claim(run: Run) -> None:
    found = verdict(run(exact("a", 2.0), exact("b", 6.0), rate=250, smoke=True))
    assert found.sentence == "Smoke run, no claim: end-to-end p99 a 2.00 ms, b 6.00 ms."


def test_a_promise_breaker_never_wins(run: Run) -> None:
    found = verdict(run(Broker("fast", Behaviour(end_to_end_ms=0.5, lost=2)), exact("sound", 6.0), rate=250))
    assert [row["candidate"] for row in found.ranking] == ["sound"]
    assert found.unranked == ({"candidate": "fast", "why": "lost 6 of 5,250 promised messages"},)
    assert "fast" not in found.sentence


def test_the_floor_and_the_excluded_are_told_apart(run: Run) -> None:
    floor = Broker("zeromq", Behaviour(end_to_end_ms=0.2, confirms=False), role="floor", guarantee="at-most-once")
    out = Broker("core", excluded="core has no confirms; use guarantee: at-most-once")
    found = verdict(run(Broker("a"), floor, out, rate=250))
    assert {row["candidate"]: row["why"] for row in found.unranked} == {
        "zeromq": "the floor: exempt from promise and rank, shown for scale",
        "core": "excluded: core has no confirms; use guarantee: at-most-once",
    }


def test_nothing_valid_says_why(run: Run) -> None:
    found = verdict(run(Broker("a", Behaviour(corrupt=2)), Broker("b", Behaviour(producer_busy=0.9)), rate=250))
    assert found.ranking == ()
    assert found.sentence == (
        "No verdict: nothing valid to compare"
        " (a: no valid trial: 2 messages arrived with another body than the one sent;"
        " b: no valid trial: the generator is near its limit: producer-0 was busy 90 % of the time (more than 80 %);"
        " use more of its kind)."
    )


def test_all_lost_messages(run: Run) -> None:
    found = verdict(run(Broker("a", Behaviour(lost=1)), Broker("b", Behaviour(lost=2)), rate=250))
    assert found.sentence.startswith("No verdict: nothing valid to compare (a: lost 3 of 5,250 promised messages")


def test_too_few_messages_for_the_figure(run: Run) -> None:
    found = verdict(run(Broker("a"), Broker("b"), rate=50, measure_s=5))
    assert "its end-to-end p99 was not measured, or too few messages support it" in found.sentence


def test_before_the_first_trial(run: Run) -> None:
    waiting = {1: "running", 2: "planned", 3: "planned"}
    found = verdict(run(Broker("a", states=waiting), Broker("b", states=waiting), status="running"))
    assert found.sentence == "No verdict yet: no trial has finished."


def test_what_else_must_be_known(run: Run) -> None:
    part = Broker("b", Behaviour(end_to_end_ms=6), states={2: "failed", 3: "planned"})
    found = verdict(run(Broker("a"), part, rate=250, status="interrupted"))
    assert found.notes == (
        "b: 1 of 2 trials are not valid (the trial failed: the server ended with status 1; see servers/b)",
        "5 of 6 trials have ended (interrupted)",
    )


def test_loss_that_the_guarantee_allows_is_told(run: Run) -> None:
    loser = Broker("b", Behaviour(lost=1, confirms=False), guarantee="at-most-once")
    found = verdict(run(loser, rate=250, delivery={"guarantee": "at-most-once"}))
    assert "b: lost 3 messages, which its guarantee allows" in found.notes
    assert [row["candidate"] for row in found.ranking] == ["b"]
