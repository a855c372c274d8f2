"""Intervals worked by hand, with t values from the table."""

import math

import numpy as np
import pytest
import scipy.stats

from brokerbench_analysis import look_levels, undecided
from brokerbench_analysis.bootstrap import bca
from brokerbench_analysis.looks import Look, look_of, unfinished
from brokerbench_analysis.statistics import holm_levels, log_ratio, mean_interval
from brokerbench_analysis.words import compared


def test_t_interval_by_hand() -> None:
    """2, 4, 4, 6: mean 4, s = sqrt(8/3), standard error 0.81650; t(3, 97.5 %) = 3.18245 -> 4 ± 2.59846."""
    found = mean_interval([2, 4, 4, 6])
    assert found.value == 4
    assert (found.low, found.high) == (pytest.approx(1.40154, abs=1e-5), pytest.approx(6.59846, abs=1e-5))
    # t = 4.89898 with 3 degrees of freedom
    assert found.p == pytest.approx(0.01628, abs=1e-5)


def test_ratio_of_pairs_is_geometric() -> None:
    """Ratios 2 and 8: geometric mean 4; logs ln 2 and ln 8, standard error ln 2, t(1, 97.5 %) = 12.7062."""
    found = log_ratio([(2, 1), (16, 2)])
    assert found is not None
    assert found.value == pytest.approx(4)
    assert found.high == pytest.approx(4 * math.exp(12.7062 * math.log(2)), rel=1e-4)
    assert found.low == pytest.approx(16 / found.high)


def test_two_blocks_that_disagree_have_an_interval_all_the_same() -> None:
    """At the level of eight candidates' pairs it would reach to e^1000."""
    found = log_ratio([(1, 300), (300, 1)], alpha=0.05 / 28)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(math.exp(-20)), pytest.approx(math.exp(20)))


def test_one_pair_has_no_interval() -> None:
    found = log_ratio([(2, 1)])
    assert found is not None
    assert (found.value, found.low, found.high, found.p) == (2, None, None, None)


def test_no_ratio_with_a_zero_or_without_pairs() -> None:
    assert log_ratio([(0, 1), (1, 1)]) is None
    assert log_ratio([]) is None


def test_two_alike_are_no_certainty() -> None:
    """Each figure lies anywhere in a bin of 0.1 %, a variance of 0.001² / 12; of their log ratio twice that."""
    same, apart = log_ratio([(1, 1), (2, 2)]), log_ratio([(2, 1), (4, 2)])
    assert same is not None
    assert apart is not None
    reach = 12.7062 * math.sqrt(2 * 0.001**2 / 12 / 2)
    assert (same.low, same.high, same.p) == (pytest.approx(math.exp(-reach)), pytest.approx(math.exp(reach)), 1)
    assert apart.low == pytest.approx(2 * math.exp(-reach))
    assert apart.p == pytest.approx(2 / math.pi * math.atan(math.sqrt(2 * 0.001**2 / 12 / 2) / math.log(2)), rel=1e-6)


def test_fifteen_alike_need_no_bootstrap() -> None:
    found = mean_interval([0.1] * 15)
    assert found.method == "t"
    assert found.low is not None
    assert found.low < 0.1


def test_holm_by_hand() -> None:
    """0.005 < 0.05/4, 0.012 < 0.05/3, 0.03 > 0.05/2: the third stops it, the fourth keeps its level."""
    assert holm_levels([0.03, 0.005, 0.04, 0.012]) == pytest.approx([0.025, 0.0125, 0.025, 0.05 / 3])


def test_holm_of_all_significant_reaches_the_full_level() -> None:
    assert holm_levels([0.001, 0.002]) == [0.025, 0.05]
    assert holm_levels([]) == []


SKEWED = [0.1, 0.2, 0.15, 0.3, 0.25, 0.12, 0.18, 0.22, 0.9, 0.11, 0.16, 0.4, 0.13, 0.21, 1.4, 0.19]


def test_bca_is_scipys() -> None:
    """Against an implementation of other hands; the rest is the luck of 9,999 resamples."""
    found = scipy.stats.bootstrap(
        (SKEWED,), np.mean, method="BCa", rng=np.random.default_rng(1), n_resamples=99_999, confidence_level=0.95
    ).confidence_interval
    low, high, _ = bca(SKEWED, 0.05, seed=3)
    assert (low, high) == (pytest.approx(found.low, rel=0.03), pytest.approx(found.high, rel=0.03))


def test_bca_p_is_the_level_whose_interval_ends_at_zero() -> None:
    values = [v - 0.2 for v in SKEWED]
    _, _, p = bca(values, 0.05, seed=3)
    assert 0.001 < p < 0.5
    low, _, _ = bca(values, p, seed=3)
    assert low == pytest.approx(0, abs=1e-3)


def test_bootstrap_starts_at_fifteen_and_never_narrows() -> None:
    few, many = mean_interval(SKEWED[:14]), mean_interval(SKEWED, seed=3)
    assert (few.method, many.method) == ("t", "t and BCa")
    low, high, p = bca(SKEWED, 0.05, seed=3)
    error = scipy.stats.sem(SKEWED) * scipy.stats.t.ppf(0.975, len(SKEWED) - 1)
    mean = sum(SKEWED) / len(SKEWED)
    assert many.high == pytest.approx(max(high, mean + error))
    assert many.low == pytest.approx(min(low, mean - error))
    assert many.high == pytest.approx(high)  # the long tail is the bootstrap's side
    assert many.low == pytest.approx(mean - error)
    assert many.p is not None
    assert many.p >= p


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, again, other = (mean_interval(SKEWED, seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_looks_share_the_error() -> None:
    assert look_levels(5, 10) == pytest.approx((0.025, 0.025))
    assert look_levels(3, 15, alpha=0.1) == pytest.approx((0.02, 0.08))
    with pytest.raises(ValueError, match="more blocks than the first: 5, then 5"):
        look_levels(5, 5)


PLAN = {"first": 3, "second": 6, "went_on": None, "alpha_first": 0.02, "alpha_second": 0.03}


@pytest.mark.parametrize(
    ("trials", "look"),
    [
        ([(3, "finished", "planned")], Look(1, 0.02)),
        ([(3, "finished", "planned"), (4, "finished", "second-look")], Look(2, 0.03)),
        ([(3, "finished", "planned"), (4, "planned", "second-look")], Look(1, 0.02)),
        ([(3, "finished", "planned"), (4, "finished", "probe")], Look(1, 0.02)),
        ([], Look(1, 0.02)),
    ],
)
def test_which_look_it_is(trials: list[tuple[int, str, str]], look: Look) -> None:
    entries = [{"block": block, "state": state, "kind": kind} for block, state, kind in trials]
    assert look_of({"looks": PLAN, "trials": entries}) == look


def test_without_a_plan_there_is_one_look() -> None:
    assert look_of({"trials": []}) == look_of({"looks": None, "trials": []}) == Look(None, 0.05)


@pytest.mark.parametrize(
    ("claims", "goes_on"),
    [
        ([(True, False), (True, True)], True),
        ([(True, False), (True, False)], False),
        ([(True, False), (False, True)], False),
        ([], False),
    ],
)
def test_only_what_was_tested_and_is_left_open_goes_on(claims: list[tuple[bool, bool]], goes_on: bool) -> None:
    assert undecided({"comparisons": [{"primary": p, "left_open": is_open} for p, is_open in claims]}) is goes_on


@pytest.mark.parametrize(
    ("status", "states", "number", "why"),
    [
        ("interrupted", ["finished", "planned", "planned"], 1, "the run was stopped before its planned blocks"),
        ("running", ["finished", "running", "planned"], 1, "the planned blocks have not all ended"),
        ("running", ["finished", "failed", "planned"], 1, None),  # where the first look takes place
        ("interrupted", ["finished", "finished", "interrupted"], 1, None),  # stands, by its own share of the error
        ("interrupted", ["finished", "finished", "planned"], 2, "the run was stopped before its planned blocks"),
        ("finished", ["finished", "finished", "skipped"], 1, None),
    ],
)
def test_a_look_is_one_at_all_of_its_blocks(status: str, states: list[str], number: int, why: str | None) -> None:
    kinds = ("planned", "planned", "second-look")
    trials = [{"kind": kind, "state": state} for kind, state in zip(kinds, states, strict=True)]
    probe = {"kind": "probe", "state": "interrupted"}
    assert unfinished({"status": status, "trials": [*trials, probe]}, Look(number)) == why


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1.12, 1.18, "12–18 % higher"),
        (2.1, 2.6, "2.1–2.6 times higher"),
        (1.04, 1.6, "4.0–60 % higher"),
        (0.82, 0.88, "12–18 % lower"),
        (0.4, 0.5, "2.0–2.5 times lower"),
        (0.5, 0.98, "2.0–50 % lower"),
    ],
)
def test_an_interval_in_words(low: float, high: float, words: str) -> None:
    assert compared(low, high) == words
