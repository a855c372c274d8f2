"""Claims about the leader against the others, and when no claim is made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis.comparisons import claim_of
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


def test_holm_widens_the_intervals_of_several(run: Run) -> None:
    found = primary(run(Broker("a"), *(Broker(f"b{i}", Behaviour(end_to_end_ms=2 + i)) for i in range(1, 5)), rate=250))
    assert min(c["level"] for c in found.values()) >= 0.95
    assert max(c["level"] for c in found.values()) == pytest.approx(1 - 0.05 / 4)


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


def test_the_floor_is_compared_with_nobody(run: Run) -> None:
    floor = Broker("zeromq", Behaviour(end_to_end_ms=0.2, confirms=False), role="floor", guarantee="at-most-once")
    rows = analyse(run(Broker("a"), Broker("b"), floor, rate=250)).summary["comparisons"]
    assert "zeromq" not in {name for c in rows for name in (c["a"], c["b"])}
