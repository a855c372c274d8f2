"""Claims about the leader against the others, and when no claim is made."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis.claims import claim_of
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
    assert claim_of(metric("throughput"), interval, bound=False) == claim


@pytest.mark.parametrize(
    ("other", "question", "why"),
    [
        (Broker("b", survives="nothing"), {"delivery": {"survives": "broker-kill"}}, "b promises less than was asked"),
        (Broker("b", guarantee="at-most-once"), {}, "b promises less than was asked"),
        (Broker("b", Behaviour(lost=2)), {}, "b lost 6 promised messages"),
        (Broker("b", Behaviour(corrupt=1)), {}, "b has no valid trial"),
        (Broker("b"), {"smoke": True}, "smoke run"),
        (Broker("b"), {"blocks": 1}, "1 block in which both were measured; 2 are the least"),
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
    ("ratio", "bound", "expected"), [(0.5, True, "better"), (2.0, False, "worse"), (2.0, True, "undecided")]
)
def test_a_bound_never_makes_a_deficit(ratio: float, bound: bool, expected: str) -> None:
    interval = Estimate(ratio, ratio * 0.9, ratio * 1.1, 0.001, 5)
    assert claim_of(metric("end_to_end.p99"), interval, bound) == expected


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
