"""Runs of known truth, judged by the shipped code: equal candidates are seldom told apart, unequal ones often.

2,000 runs a case, the seeds fixed beforehand. A share of 2,000 has an error of its own: bars are three standard
deviations of the binomial wide.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from benchmarks._drawn import World, judged, judged_twice
from brokerbench_analysis import look_levels
from brokerbench_analysis.across import welch
from brokerbench_analysis.bootstrap import bca
from brokerbench_analysis.claims import Comparison, claim_of
from brokerbench_analysis.looks import Look
from brokerbench_analysis.metrics import Metric, metric
from brokerbench_analysis.pairs import Pair, Values
from brokerbench_analysis.statistics import ALPHA, Estimate

RUNS = 2_000
SEED = 20_261_123
BAR = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)
THROUGHPUT, LATENCY = metric("throughput"), metric("end_to_end.p99")
METRICS = pytest.mark.parametrize("of", [THROUGHPUT, LATENCY], ids=["throughput", "latency"])
DRIFT = pytest.mark.parametrize("walk", [False, True], ids=["straight", "walk"])


def share(runs: Iterable[list[Comparison]], right: Callable[[list[Comparison]], bool]) -> float:
    return sum(right(rows) for rows in runs) / RUNS


def apart(rows: list[Comparison]) -> bool:
    """Somebody is said to differ."""
    return any(c.claim in {"better", "worse"} for c in rows)


def equals(count: int, **other: float) -> World:
    return World(effects=(0.0,) * count, **other)


@METRICS
@DRIFT
@pytest.mark.parametrize("count", [2, 4, 8])
def test_equals_are_told_apart_in_five_percent_of_the_runs_at_most(count: int, of: Metric, walk: bool) -> None:
    assert share(judged(equals(count, walk=walk), of, RUNS, SEED), apart) <= BAR


@pytest.mark.parametrize("count", [2, 4, 8])
def test_so_are_equals_where_any_difference_would_matter(count: int) -> None:
    """Without a margin only the levels guard against false claims, and they are not wasted on two."""
    strict = Metric("delivered_msgs_s", "throughput", "msg/s", ("delivered_msgs_s",), True, margin=0.0)
    found = share(judged(equals(count), strict, RUNS, SEED), apart)
    assert found <= BAR
    assert count > 2 or found >= 0.03


def c0_is_better(rows: list[Comparison]) -> bool:
    return [(c.a, c.claim) for c in rows] == [("c0", "better")]


@METRICS
def test_a_fifth_more_is_found_in_nine_of_ten_runs(of: Metric) -> None:
    assert share(judged(World((0.2, 0.0)), of, RUNS, SEED), c0_is_better) >= 0.9


@METRICS
def test_and_hardly_less_often_where_the_machine_wanders(of: Metric) -> None:
    """A walk that ends as far off as the straight line has gone to and fro: its neighbours are further apart."""
    assert share(judged(World((0.2, 0.0), walk=True), of, RUNS, SEED), c0_is_better) >= 0.88


@METRICS
@pytest.mark.parametrize("count", [2, 4, 8])
def test_no_difference_is_seldom_said_of_those_that_differ(count: int, of: Metric) -> None:
    """The leader is ahead by just the margin, the trials so steady that equivalence could well be shown."""
    world = World((1.0001 * (1 + of.margin) - 1, *(0.0,) * (count - 1)), spread=0.01, drift=0.01)
    claimed = share(judged(world, of, RUNS, SEED), lambda rows: any(c.claim == "no-difference" for c in rows))
    assert claimed <= BAR


@METRICS
def test_no_difference_is_said_of_steady_equals(of: Metric) -> None:
    runs = judged(equals(2, spread=0.01, drift=0.01), of, RUNS, SEED)
    assert share(runs, lambda rows: rows[0].claim == "no-difference") >= 0.9


@pytest.mark.parametrize("spread", [0.01, 0.06], ids=["steady", "restless"])
def test_a_world_of_both_kinds_makes_few_false_claims_of_any_kind(spread: float) -> None:
    """Two equals at the top, two equals just beyond the margin below them: all that is said of either counts."""
    above = 1.0001 * (1 + THROUGHPUT.margin) - 1
    truth = {"c0": 1, "c1": 1, "c2": 0, "c3": 0}

    def wrong(c: Comparison) -> bool:
        ahead = truth[c.a] - truth[c.b]
        right = {"better": ahead > 0, "worse": ahead < 0, "no-difference": ahead == 0}
        return not right.get(c.claim, True)

    runs = judged(World((above, above, 0.0, 0.0), spread=spread, drift=0.01), THROUGHPUT, RUNS, SEED)
    assert share(runs, lambda rows: any(map(wrong, rows))) <= BAR


def told_apart_between_runs(between: float) -> float:
    """The share of two equal runs of five trials that `compare` calls better or worse. `between`: the standard
    deviation of a run's own luck, which all of its trials share; a trial's is 6 %."""
    rng = np.random.default_rng(SEED)
    claims = []
    for _ in range(RUNS):
        a, b = (np.exp(rng.normal(0, between) + rng.normal(0, 0.06, 5)).tolist() for _ in "ab")
        found = welch(a, b)
        assert found is not None
        claims.append(claim_of(THROUGHPUT, found))
    return sum(claim in {"better", "worse"} for claim in claims) / RUNS


def test_two_runs_are_seldom_told_apart_by_the_luck_of_their_trials() -> None:
    assert told_apart_between_runs(0.0) <= BAR


def test_but_often_by_the_luck_of_the_run() -> None:
    """No interval made of trials can hold it: why `compare` says "than chance within these runs explains"."""
    assert told_apart_between_runs(0.06) > 5 * BAR


def uncorrected(values: dict[str, Values], leader: str, of: Metric, look: Look) -> list[Comparison]:
    """What many do: the best against each other one, 95 % each."""
    return [plain(Pair.of(values, leader, name), of, bootstrap=False) for name in values if name != leader]


def bootstrap_alone(values: dict[str, Values], leader: str, of: Metric, look: Look) -> list[Comparison]:
    return [plain(Pair.of(values, leader, name), of, bootstrap=True) for name in values if name != leader]


def plain(pair: Pair, of: Metric, bootstrap: bool) -> Comparison:
    found = pair.ratio(ALPHA, seed=1)
    assert found is not None
    if bootstrap:
        low, high, p = bca([math.log(a / b) for a, b in pair.figures], ALPHA, seed=1)
        found = Estimate(found.value, math.exp(low), math.exp(high), p, found.n)
    return Comparison(of.name, True, pair.a, pair.b, found.value, found.low, found.high, claim_of(of, found))


def test_the_bar_is_one_that_can_be_missed() -> None:
    """The same runs without the correction."""
    assert share(judged(equals(8), THROUGHPUT, RUNS, SEED, by=uncorrected), apart) > 3 * BAR


@pytest.mark.parametrize("count", [2, 3])
def test_equals_of_fifteen_blocks(count: int) -> None:
    """Where the bootstrap joins in; a spread at which the margin does not help."""
    assert share(judged(equals(count, blocks=15, spread=0.3), THROUGHPUT, RUNS, SEED), apart) <= BAR


def test_the_bootstrap_alone_would_claim_too_much() -> None:
    """Why the wider of the two intervals counts."""
    runs = judged(equals(2, blocks=15, spread=0.3), THROUGHPUT, RUNS, SEED, by=bootstrap_alone)
    assert share(runs, apart) > BAR


@METRICS
@pytest.mark.parametrize("count", [2, 4, 8])
def test_two_looks_are_wrong_no_more_often_than_one(count: int, of: Metric) -> None:
    """A spread at which a chance difference is beyond either margin."""
    world = equals(count, blocks=10, spread=0.3)
    assert share(judged_twice(world, of, RUNS, SEED, 5, look_levels(5, 10)), apart) <= BAR


def test_two_looks_at_the_full_level_would_be() -> None:
    runs = judged_twice(equals(2, blocks=10, spread=0.3), THROUGHPUT, RUNS, SEED, 5, (ALPHA, ALPHA))
    assert share(runs, apart) > BAR


def test_a_second_look_finds_what_the_first_left_open() -> None:
    once = share(judged(World((0.1, 0.0)), THROUGHPUT, RUNS, SEED), c0_is_better)
    twice = judged_twice(World((0.1, 0.0), blocks=10), THROUGHPUT, RUNS, SEED, 5, look_levels(5, 10))
    assert share(twice, c0_is_better) > once + 0.2
