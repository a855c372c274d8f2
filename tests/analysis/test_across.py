"""Runs held against each other: Welch's interval, and what may be claimed of a later run."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from brokerbench_analysis import load
from brokerbench_analysis.across import Change, changes, welch
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]


def changed(a: Path, *others: Path) -> list[dict[tuple[str, str], Change]]:
    made = changes(load(a), [load(other) for other in others])
    return [{(change.candidate, change.metric): change for change in row} for row in made]


@pytest.mark.parametrize(("many", "few", "spread"), [(5, 5, 1.0), (8, 3, 4.0), (2, 2, 0.5)])
def test_welch_is_scipys(many: int, few: int, spread: float) -> None:
    rng = np.random.default_rng(many)
    over, under = np.exp(rng.normal(1, 0.1, many)), np.exp(rng.normal(0.9, 0.1 * spread, few))
    reference = stats.ttest_ind(np.log(over), np.log(under), equal_var=False)
    interval = reference.confidence_interval(0.95)
    found = welch(over.tolist(), under.tolist())
    assert found is not None
    assert found.p == pytest.approx(float(reference.pvalue))
    assert (found.low, found.high) == pytest.approx((math.exp(interval.low), math.exp(interval.high)))
    assert found.value == pytest.approx(float(stats.gmean(over) / stats.gmean(under)))


def test_welch_of_too_little() -> None:
    assert welch([], [1.0]) is None
    assert welch([0.0, 1.0], [1.0, 2.0]) is None
    one = welch([4.0], [2.0, 2.0, 2.0])
    assert one is not None
    assert (one.value, one.low, one.high, one.p) == (2.0, None, None, None)


def test_welch_without_any_spread() -> None:
    same, other = welch([2.0, 2.0], [2.0, 2.0]), welch([4.0, 4.0], [2.0, 2.0])
    assert same is not None
    assert other is not None
    reach = 4.30265 * math.sqrt(2 * 0.001**2 / 12 / 2)  # t with 2 degrees of freedom, of a figure's own grain
    assert (same.value, same.p) == (1.0, 1.0)
    assert (same.low, same.high) == (pytest.approx(math.exp(-reach)), pytest.approx(math.exp(reach)))
    assert other.low == pytest.approx(2 * math.exp(-reach))
    assert other.p is not None
    assert 0 < other.p < 1e-6


def test_welch_at_a_small_level_stays_a_number() -> None:
    found = welch([1.0, 300.0], [300.0, 1.0], alpha=0.05 / 28)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(math.exp(-20)), pytest.approx(math.exp(20)))


def test_welch_covers_the_truth() -> None:
    """At 95 %, of 1,000 seeded draws with unlike spreads 950 should hold it; 4 standard errors are 28."""
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(1000):
        found = welch(np.exp(rng.normal(0.2, 0.3, 4)).tolist(), np.exp(rng.normal(0, 0.05, 6)).tolist())
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= math.exp(0.2) <= found.high
    assert 922 <= held <= 978


def test_a_faster_later_run_is_better(run: Run) -> None:
    before = run(Broker("nats", Behaviour(end_to_end_ms=6)), rate=250, blocks=4)
    after = run(Broker("nats", Behaviour(end_to_end_ms=2)), rate=250, blocks=5, seed=9)
    (found,) = changed(before, after)
    primary = found["nats", "end_to_end.p99"]
    assert primary.claim == "better"
    assert primary.primary
    assert primary.ratio == pytest.approx(1 / 3, rel=0.15)
    assert primary.trials == (4, 5)
    assert primary.a is not None
    assert primary.b is not None
    assert primary.b < primary.a
    assert changed(after, before)[0]["nats", "end_to_end.p99"].claim == "worse"


def test_beside_the_primary_figure_stand_others_unmarked(run: Run) -> None:
    (found,) = changed(run(Broker("nats"), rate=250), run(Broker("nats"), rate=250, seed=9))
    assert [m for _, m in found] == ["end_to_end.p99", "delivered_msgs_s", "end_to_end.p50", "lost"]
    assert [change.primary for change in found.values()] == [True, False, False, False]


def test_equal_runs_show_no_difference(run: Run) -> None:
    exact = Behaviour(exact_ms=[2.0])
    (found,) = changed(run(Broker("a", exact), rate=250), run(Broker("a", exact), rate=250, seed=9))
    assert found["a", "end_to_end.p99"].claim == "no-difference"


def test_the_first_runs_margin_decides(run: Run) -> None:
    """6 % apart: within the usual 10 %, beyond a scenario's own 2 %."""
    sides = [run(Broker("a", Behaviour(exact_ms=[ms])), rate=250, seed=seed) for seed, ms in ((1, 2.0), (9, 2.12))]
    assert changed(*sides)[0]["a", "end_to_end.p99"].claim == "no-difference"
    path = sides[0] / "run.json"
    path.write_text(path.read_text().replace('"slo": []', '"slo": [], "margins": {"latency": 0.02}'))
    assert changed(*sides)[0]["a", "end_to_end.p99"].claim == "worse"


def test_levels_follow_holm_over_all_that_is_compared(run: Run) -> None:
    def brokers(factor: float) -> list[Broker]:
        return [Broker(f"b{i}", Behaviour(end_to_end_ms=factor * i)) for i in (1, 2, 3)]

    (found,) = changed(run(*brokers(1), rate=250), run(*brokers(2), rate=250, seed=9))
    levels = sorted(change.level for change in found.values() if change.primary)
    assert levels == pytest.approx([1 - 0.05, 1 - 0.05 / 2, 1 - 0.05 / 3])


def test_only_candidates_of_both_are_compared(run: Run) -> None:
    (found,) = changed(run(Broker("a"), Broker("b"), rate=250), run(Broker("b"), Broker("c"), rate=250, seed=9))
    assert {name for name, _ in found} == {"b"}


@pytest.mark.parametrize(
    ("broker", "question", "why"),
    [
        (Broker("a", Behaviour(lost=1)), {}, "lost 3 promised messages in run B"),
        (Broker("a"), {"smoke": True}, "smoke run"),
        (Broker("a"), {"blocks": 1}, "1 valid trial with this figure in run B; 2 are the least"),
        (Broker("a", excluded="no confirms"), {}, "excluded in run B: no confirms"),
    ],
)
def test_no_claim(broker: Broker, question: dict[str, Any], why: str, run: Run) -> None:
    (found,) = changed(run(Broker("a"), rate=250), run(broker, rate=250, seed=9, **question))
    assert found["a", "end_to_end.p99"].claim == "not-comparable"
    assert found["a", "end_to_end.p99"].why == why


def test_each_run_has_its_letter(run: Run) -> None:
    runs = run(Broker("a"), rate=250), run(Broker("a"), rate=250, seed=2), run(Broker("a", excluded="no"), rate=250)
    assert changed(*runs)[1]["a", "end_to_end.p99"].why == "excluded in run C: no"


def test_nothing_is_claimed_of_unlike_runs(run: Run) -> None:
    slow = run(Broker("a", Behaviour(end_to_end_ms=6)), rate=500, seed=9)
    (found,) = changed(run(Broker("a"), rate=250), slow)
    first = found["a", "end_to_end.p99"]
    assert (first.claim, first.why) == ("not-comparable", "the runs differ in load.stages")
    assert first.ratio == pytest.approx(3, rel=0.2)
    assert {change.claim for change in found.values()} == {"not-comparable", None}


def test_a_run_that_was_stopped_is_no_sample(run: Run) -> None:
    part = run(Broker("a", states={3: "planned"}), rate=250, status="interrupted", seed=9)
    (found,) = changed(run(Broker("a"), rate=250), part)
    assert found["a", "end_to_end.p99"].why == "the run was stopped before its planned blocks"


def test_a_later_run_beats_a_bound_only_where_all_of_it_does(run: Run) -> None:
    """The earlier run lost much: in one of three trials, then in all of them."""
    none, many = Behaviour(end_to_end_ms=6, confirms=False), Behaviour(end_to_end_ms=6, confirms=False, lost=60)
    asked = {"rate": 250, "delivery": {"guarantee": "at-most-once"}}
    taken = replace(none, steal=0.05)

    def before(*trials: Behaviour) -> Path:
        return run(Broker("a", taken, guarantee="at-most-once", repeats=dict(enumerate(trials, 1))), **asked)

    after = run(Broker("a", Behaviour(end_to_end_ms=1, confirms=False), guarantee="at-most-once"), **asked, seed=9)
    claims = [
        changed(b, after)[0]["a", "end_to_end.p99"].claim for b in (before(none, none, many), before(*[many] * 3))
    ]
    assert claims == ["undecided", "better"]


def test_lost_messages_are_counted_on_both_sides(run: Run) -> None:
    (found,) = changed(run(Broker("a"), rate=250), run(Broker("a", Behaviour(lost=2)), rate=250, seed=9))
    lost = found["a", "lost"]
    assert (lost.a, lost.b, lost.ratio, lost.claim) == (0, 6, None, None)


def test_what_was_not_measured_is_none(run: Run) -> None:
    (found,) = changed(run(Broker("a"), rate=250), run(Broker("a", excluded="why"), rate=250, seed=9))
    assert found["a", "lost"].b is None
    failed = Broker("a", states=dict.fromkeys((1, 2, 3), "failed"))
    assert changed(run(Broker("a"), rate=250), run(failed, rate=250))[0]["a", "lost"].b is None
    assert found["a", "end_to_end.p99"].b is None
