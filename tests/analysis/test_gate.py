"""Regression gates on runs whose change is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from brokerbench_analysis import load
from brokerbench_analysis.across import welch
from brokerbench_analysis.gate import GateState, Judged, judge
from brokerbench_scenarios import read_gate
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]


def gated(run: Run, before: Behaviour, after: Behaviour, *gates: str, blocks: int = 6) -> list[Judged]:
    folders = [
        run(Broker("a", behaviour), rate=250, blocks=blocks, seed=seed) for seed, behaviour in ((1, before), (9, after))
    ]
    a, b = map(load, folders)
    return judge([read_gate(gate) for gate in gates], a, [b])


def slow(ms: float, **more: object) -> Behaviour:
    return Behaviour(end_to_end_ms=ms, spread=0.01, **more)  # type: ignore[arg-type]


def test_three_times_as_slow_fails(run: Run) -> None:
    [found] = gated(run, slow(2), slow(6), "end_to_end.p99 > +10%")
    assert found.state is GateState.FAILED
    assert (found.letter, found.candidate) == ("B", "a")
    assert found.text.startswith("end-to-end p99 changed by +")


def test_the_same_again_passes(run: Run) -> None:
    found = gated(run, slow(2), slow(2), "end_to_end.p50 > +10%", "delivered_msgs_s < -5%", "lost > 0")
    assert [g.state for g in found] == [GateState.PASSED] * 3


def test_quicker_passes_and_so_fails_a_gate_the_other_way_round(run: Run) -> None:
    found = gated(run, slow(6), slow(2), "end_to_end.p50 > +10%", "end_to_end.p50 < -10%")
    assert [g.state for g in found] == [GateState.PASSED, GateState.FAILED]


def test_a_bound_within_the_interval_is_undecided(run: Run) -> None:
    [found] = gated(run, slow(2), slow(2.2), "end_to_end.p50 > +10%", blocks=2)
    assert found.state is GateState.UNDECIDED


def test_a_value_is_held_against_the_later_run_alone(run: Run) -> None:
    found = gated(run, slow(2), slow(6), "end_to_end.p50 > 3ms", "end_to_end.p50 > 30ms")
    assert [g.state for g in found] == [GateState.FAILED, GateState.PASSED]


def test_a_lost_message_fails_its_gate_and_leaves_the_tail_unjudged(run: Run) -> None:
    found = gated(run, slow(2), slow(2, lost=40), "lost > 0", "end_to_end.max > +10%")
    assert [g.state for g in found] == [GateState.FAILED, GateState.NOT_JUDGED]
    assert found[0].text.startswith("lost messages: ")


def test_a_candidate_that_is_gone_is_not_judged(run: Run) -> None:
    a = load(run(Broker("a"), Broker("b"), rate=250))
    b = load(run(Broker("a"), rate=250, seed=9))
    found = judge([read_gate("lost > 0")], a, [b])
    assert [(g.candidate, g.state) for g in found] == [("a", GateState.PASSED), ("b", GateState.NOT_JUDGED)]


def test_together_they_fail_an_unchanged_run_no_more_often_than_one_would() -> None:
    """Welch's interval at the level of three gates, over runs that differ by chance alone."""
    chance = np.random.default_rng(5)
    failed, runs = 0, 400
    for _ in range(runs):
        for _ in range(3):
            before, after = (np.exp(chance.normal(0, 0.1, 5)).tolist() for _ in range(2))
            estimate = welch(after, before, 0.05 / 3)
            assert estimate is not None
            assert estimate.low is not None
            if estimate.low > 1:  # `> +0%`, the sharpest gate of all
                failed += 1
                break
    assert failed <= 0.025 * runs + 3 * (0.025 * 0.975 * runs) ** 0.5
