"""Intervals worked by hand, with t values from the table."""

import math

import pytest

from brokerbench_analysis.statistics import holm_levels, log_ratio, mean_interval


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


def test_one_pair_has_no_interval() -> None:
    found = log_ratio([(2, 1)])
    assert found is not None
    assert (found.value, found.low, found.high, found.p) == (2, None, None, None)


def test_no_ratio_with_a_zero_or_without_pairs() -> None:
    assert log_ratio([(0, 1), (1, 1)]) is None
    assert log_ratio([]) is None


def test_equal_values_have_no_width() -> None:
    same, apart = log_ratio([(1, 1), (2, 2)]), log_ratio([(2, 1), (4, 2)])
    assert same is not None
    assert apart is not None
    assert (same.low, same.high, same.p) == (1, 1, 1)
    assert (apart.low, apart.p) == (pytest.approx(2), 0)


def test_holm_by_hand() -> None:
    """0.005 < 0.05/4, 0.012 < 0.05/3, 0.03 > 0.05/2: the third stops it, the fourth keeps its level."""
    assert holm_levels([0.03, 0.005, 0.04, 0.012]) == pytest.approx([0.025, 0.0125, 0.025, 0.05 / 3])


def test_holm_of_all_significant_reaches_the_full_level() -> None:
    assert holm_levels([0.001, 0.002]) == [0.025, 0.05]
    assert holm_levels([]) == []
