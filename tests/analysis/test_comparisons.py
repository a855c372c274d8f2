"""Claims about the leader against the others, and when no claim is made."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis.claims import Comparison, claim_of, clause
from brokerbench_analysis.comparisons import decide
from brokerbench_analysis.folder import Json
from brokerbench_analysis.metrics import metric
from brokerbench_analysis.statistics import Estimate
from brokerbench_analysis.summary import analyse
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]


def primary(folder: Path) -> dict[str, Json]:
    """The tested comparisons by the other candidate's name."""
    return {c["b"]: c for c in analyse(folder).summary["comparisons"] if c["primary"]}


def exact(name: str, values_ms: list[float], **other: Any) -> Broker:
    """A candidate whose every trial has these latencies."""
    return Broker(name, Behaviour(exact_ms=values_ms, **other))


def test_clearly_better(run: Run) -> None:
    found = primary(run(Broker("nats"), Broker("kafka", Behaviour(end_to_end_ms=6)), rate=250, blocks=4))
    assert list(found) == ["kafka"]
    assert found["kafka"]["claim"] == "better"
    assert found["kafka"]["blocks"] == 4
    assert found["kafka"]["ratio"] == pytest.approx(1 / 3, rel=0.15)
    assert found["kafka"]["low"] < found["kafka"]["ratio"] < found["kafka"]["high"] < 1


def test_equivalent_within_the_margin(run: Run) -> None:
    found = primary(run(exact("a", [2.0]), exact("b", [2.1]), rate=250))
    assert found["b"]["claim"] == "no-difference"
    assert found["b"]["ratio"] == pytest.approx(1 / 1.05, rel=1e-3)


def test_just_beyond_the_margin(run: Run) -> None:
    assert primary(run(exact("a", [2.0]), exact("b", [2.3]), rate=250))["b"]["claim"] == "better"


def test_noisy_is_undecided(run: Run) -> None:
    noisy = Behaviour(end_to_end_ms=2.4, spread=0.6)
    assert primary(run(Broker("a"), Broker("b", noisy), rate=250))["b"]["claim"] == "undecided"


def test_throughput_is_better_when_higher(run: Run) -> None:
    slow = Behaviour(delivered_share=0.7)
    found = primary(run(Broker("slow", slow), Broker("fast"), rate=250, model="saturate"))
    assert found["slow"]["claim"] == "better"
    assert found["slow"]["a"] == "fast"
    assert found["slow"]["metric"] == "delivered_msgs_s"
    assert found["slow"]["ratio"] > 1


def steady(*logs: float) -> dict[int, tuple[float, bool]]:
    """A figure for each block, exp of these."""
    return {block: (math.exp(value), False) for block, value in enumerate(logs, 1)}


def test_all_pairs_are_the_family_not_only_the_leaders() -> None:
    """a is apart from b and c, which are alike: three pairs. Holm's steps: alpha / 3, alpha / 2, then b against c."""
    wobble = (0.01, -0.01, 0.02, -0.02, 0.0)
    values = {
        "a": steady(*(1 + w for w in wobble)),
        "b": steady(*wobble[::-1]),
        "c": steady(*(0.001 + w for w in wobble[1:]), 0.02),
    }
    rows = {c.b: c for c in decide(values, "a", metric("throughput"))}
    assert sorted(c.level for c in rows.values()) == pytest.approx([1 - 0.05 / 2, 1 - 0.05 / 3])
    assert [c.claim for c in rows.values()] == ["better", "better"]
    # Were b the leader, its pair with c would be the last step, and its pair with a the same as above.
    rows = {c.b: c for c in decide(values, "b", metric("throughput"))}
    assert rows["c"].level == pytest.approx(0.95)
    assert (rows["a"].claim, rows["c"].claim) == ("worse", "no-difference")


def test_a_pair_of_one_block_keeps_its_place_in_the_family() -> None:
    values = {"a": steady(1, 1.01, 1), "b": steady(0, 0.01, 0.02), "c": {1: (1.0, False)}}
    rows = {c.b: c for c in decide(values, "a", metric("throughput"))}
    assert rows["b"].level == pytest.approx(1 - 0.05 / 3)
    assert rows["c"].claim == "not-comparable"


def test_a_bound_eases_no_other_level() -> None:
    """c's latency is at least half of a's: that it differs from anybody is not shown, however small the p."""
    bound = {block: (math.exp(0.5 + 0.001 * block), True) for block in range(1, 6)}
    values = {
        "a": steady(1, 1.01, 1, 1.02, 1),
        "b": steady(1.2, 1.19, 1.21, 1.2, 1.22),
        "c": bound,
    }
    rows = {c.b: c for c in decide(values, "a", metric("end_to_end.p99"))}
    assert rows["c"].claim == "undecided"
    assert rows["b"].level == pytest.approx(1 - 0.05 / 3)


@pytest.mark.parametrize(
    ("ratio", "reach", "claim"),
    [
        (1.04, 1.02, "undecided"),  # not chance, but too small to matter, and perhaps larger than the margin
        (1.02, 1.01, "no-difference"),
        (1.06, 1.02, "better"),
        (1 / 1.06, 1.02, "worse"),
        (1.06, 1.10, "undecided"),
    ],
)
def test_a_claim_needs_certainty_and_an_effect_beyond_the_margin(ratio: float, reach: float, claim: str) -> None:
    interval = Estimate(ratio, ratio / reach, ratio * reach, 0.5, 5)
    assert claim_of(metric("throughput"), interval) == claim


@pytest.mark.parametrize(
    ("other", "question", "why"),
    [
        (Broker("b", survives="nothing"), {"delivery": {"survives": "broker-kill"}}, "b promises less than was asked"),
        (Broker("b", guarantee="at-most-once"), {}, "b promises less than was asked"),
        (Broker("b", Behaviour(lost=2)), {}, "b lost 6 promised messages"),
        (Broker("b", Behaviour(corrupt=1)), {}, "b has no valid trial"),
        (Broker("b"), {"smoke": True}, "smoke run"),
        (Broker("b"), {"blocks": 1}, "1 block in which both were measured; 2 are the least"),
        (
            Broker("b", states={3: "planned"}),
            {"status": "interrupted"},
            "the run was stopped before its planned blocks",
        ),
    ],
)
def test_not_comparable(run: Run, other: Broker, question: dict[str, Any], why: str) -> None:
    leader = Broker("a", Behaviour(end_to_end_ms=1), survives="broker-kill")
    (found,) = primary(run(leader, other, rate=250, **question)).values()
    assert found["claim"] == "not-comparable"
    assert found["why"] == why


def test_stronger_than_asked_is_matched(run: Run) -> None:
    made = run(Broker("a", survives="power-loss"), Broker("b", Behaviour(end_to_end_ms=5)), rate=250)
    summary = analyse(made).summary
    assert [c["matched"] for c in summary["candidates"].values()] == [True, True]
    assert summary["comparisons"][0]["claim"] == "better"


def test_blocks_are_paired(run: Run) -> None:
    """Only the blocks in which both have a finished trial count."""
    made = run(Broker("a"), Broker("b", Behaviour(end_to_end_ms=6), states={2: "failed"}), rate=250, blocks=3)
    assert primary(made)["b"]["blocks"] == 2


def test_a_lower_bound_can_only_widen_the_lead(run: Run) -> None:
    """at-most-once may lose: its p99 lies among the lost, so it is at least the drain's wait."""
    asked = {"delivery": {"guarantee": "at-most-once"}}
    loser = Broker("b", Behaviour(lost=60, confirms=False), guarantee="at-most-once")
    (found,) = primary(run(Broker("a"), loser, rate=250, **asked)).values()
    assert (found["a"], found["claim"]) == ("a", "better")


@pytest.mark.parametrize(
    ("ratio", "furthest", "expected"),
    [
        (0.5, None, "better"),
        (0.5, Estimate(0.01, 0.005, 0.02, 0.001, 5), "better"),
        (0.5, Estimate(0.01, 0.0001, 1.2, 0.06, 5), "undecided"),
        (2.0, None, "worse"),
        (2.0, Estimate(0.01, 0.005, 0.02, 0.001, 5), "undecided"),
        (1.0, Estimate(1.0, 0.9, 1.1, 0.9, 5), "undecided"),
    ],
)
def test_a_bound_shows_a_lead_only_where_both_of_its_ends_do(
    ratio: float, furthest: Estimate | None, expected: str
) -> None:
    interval = Estimate(ratio, ratio * 0.96, ratio * 1.04, 0.001, 5)
    assert claim_of(metric("end_to_end.p99"), interval, furthest) == expected


def test_some_blocks_with_lost_messages_may_be_far_off() -> None:
    """b is clearly slower by what arrived. Where two of five blocks are open upwards, Student's interval has no end."""
    slower = dict(enumerate((2.0, 2.02, 1.98, 2.01, 2.0), 1))
    ours = {block: (1.0 + 0.01 * (block % 2), False) for block in slower}

    def against_b(*open_blocks: int) -> Comparison:
        theirs = {block: (value, block in open_blocks) for block, value in slower.items()}
        return decide({"a": ours, "b": theirs}, "a", metric("end_to_end.p99"))[0]

    assert [against_b().claim, against_b(1, 2).claim, against_b(*slower).claim] == ["better", "undecided", "better"]
    assert (
        clause(against_b(1, 2))
        == "undecided against b (its end-to-end p99 is only a lower bound: messages are missing)"
    )
    assert clause(against_b(*slower)).startswith("has an end-to-end p99 at least 2.0 times lower than b")
    held = against_b(1, 2)
    assert held.high is not None
    assert held.high > 1


@pytest.mark.parametrize(
    ("b", "left_open"),
    [
        ({1: (5.0, False)}, True),
        ({1: (0.0, False)}, False),
        ({1: (0.0, False), 2: (1.0, False), 3: (1.0, False)}, False),
        ({}, False),
        ({4: (5.0, False)}, True),
    ],
)
def test_more_blocks_are_made_only_where_they_can_decide(b: Mapping[int, tuple[float, bool]], left_open: bool) -> None:
    (found,) = decide({"a": steady(1, 1.01, 1), "b": b}, "a", metric("throughput"))
    assert (found.claim, found.left_open) == ("not-comparable", left_open)
    assert found.blocks == len(b.keys() & {1, 2, 3})


def test_whom_nothing_can_be_claimed_of_is_not_left_open(run: Run) -> None:
    found = primary(run(Broker("a"), Broker("b", Behaviour(lost=2)), rate=250, blocks=1))
    assert (found["b"]["claim"], found["b"]["left_open"]) == ("not-comparable", False)


def test_two_blocks_that_disagree_say_so_and_no_absurd_figure() -> None:
    wide = Comparison("end_to_end.p99", True, "a", "b", 1.2, 2e-9, 5e8, "undecided", blocks=2)
    assert clause(wide) == "undecided against b (2 blocks disagree so far that nothing can be said: make more)"
    narrow = replace(wide, low=0.5, high=999.0)
    assert "between" in clause(narrow)


def test_all_else_is_exploratory(run: Run) -> None:
    rows = analyse(run(Broker("a"), Broker("b", Behaviour(end_to_end_ms=6)), rate=250)).summary["comparisons"]
    explored = [c for c in rows if not c["primary"]]
    assert {c["metric"] for c in explored} >= {"delivered_msgs_s", "end_to_end.p50", "confirm.p99", "broker_cpu"}
    assert {c["level"] for c in explored} == {0.95}
    assert "end_to_end.p99" not in {c["metric"] for c in explored}
    assert all(c["text"].startswith("exploratory: ") for c in explored)


def test_the_floor_is_compared_with_nobody(run: Run) -> None:
    floor = Broker("zeromq", Behaviour(end_to_end_ms=0.2, confirms=False), role="floor", guarantee="at-most-once")
    rows = analyse(run(Broker("a"), Broker("b"), floor, rate=250)).summary["comparisons"]
    assert "zeromq" not in {name for c in rows for name in (c["a"], c["b"])}
