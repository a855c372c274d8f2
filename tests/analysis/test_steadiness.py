"""What drifts is found, and what is steady is not suspected: both counted over many seeded series."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from brokerbench_analysis.folder import TrialFiles
from brokerbench_analysis.seconds import Second
from brokerbench_analysis.steadiness import steadiness, trend_of

MANY = 250
SECONDS = (6, 10, 30, 120)
FOUND = [(10, 0.6), (30, 0.99), (120, 0.99)]  # seconds, and how often a drift must be found in so many
OPEN = {"load": {"model": "open"}, "phases": {"warmup_s": 1, "measure_s": 10}}
Floats = Any


def states(made: Callable[[np.random.Generator], tuple[Floats, Floats]]) -> dict[str | None, float]:
    """How often each state is found, of series of throughput and median latency."""
    found: dict[str | None, float] = {}
    for seed in range(MANY):
        state = steadiness(TrialFiles({"id": "x"}, OPEN), rows(*made(np.random.default_rng(seed))), ()).state
        found[state] = found.get(state, 0.0) + 1 / MANY
    return found


def rows(delivered: Floats, p50_ms: Floats) -> list[Second]:
    return [{"delivered": float(n), "end_to_end_p50_ms": float(ms)} for n, ms in zip(delivered, p50_ms, strict=True)]


def medians(chance: np.random.Generator, delivered: Floats, ms: float = 2.0, sigma: float = 0.5) -> Floats:
    """Of as many lognormal latencies as came in each second: the median of n scatters by 1.25 sigma / sqrt(n)."""
    error = sigma * np.sqrt(np.pi / 2 / np.maximum(delivered, 1))
    return ms * np.exp(chance.normal(0, error))


def leaning(chance: np.random.Generator, n: int, by: float) -> Floats:
    """Noise in which each second leans on the one before it; of variance 1."""
    out = chance.normal(size=n + 50)
    for i in range(1, n + 50):
        out[i] = by * out[i - 1] + np.sqrt(1 - by * by) * out[i]
    return out[50:]


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("rate", [50, 500, 5_000])
def test_a_steady_poisson_trial_is_steady(seconds: int, rate: int) -> None:
    def made(chance: np.random.Generator) -> tuple[Floats, Floats]:
        delivered = chance.poisson(rate, seconds)
        return delivered, medians(chance, delivered)

    assert states(made).get("steady", 0.0) >= 0.98


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("by", [0.3, 0.6])
def test_seconds_that_lean_on_each_other_are_no_drift(seconds: int, by: float) -> None:
    """A throughput that wanders by 2 %, a median that wanders by 6 %."""

    def made(chance: np.random.Generator) -> tuple[Floats, Floats]:
        return 5_000 * (1 + 0.02 * leaning(chance, seconds, by)), 2 * np.exp(0.06 * leaning(chance, seconds, by))

    assert states(made).get("steady", 0.0) >= 0.95


@pytest.mark.parametrize("by", [0.0, 0.3, 0.6])
def test_the_level_of_the_test_itself(by: float) -> None:
    """Without the threshold on the size: about 1 % of steady series, also where seconds lean on each other."""
    trends = [trend_of(leaning(np.random.default_rng(seed), 30, by)) for seed in range(2 * MANY)]
    assert np.mean([t is not None and t.p < 0.01 for t in trends]) <= 0.025


@pytest.mark.parametrize(("seconds", "often"), FOUND)
@pytest.mark.parametrize("share", [-0.3, -0.08, 0.08, 0.3])
def test_a_drift_of_throughput_is_found(seconds: int, often: float, share: float) -> None:
    def made(chance: np.random.Generator) -> tuple[Floats, Floats]:
        delivered = chance.poisson(20_000 * (1 + share * np.linspace(-0.5, 0.5, seconds)))
        return delivered, np.full(seconds, 2.0)

    found = states(made)
    assert found.get("drifting" if abs(share) < 0.1 else "not steady", 0.0) >= often


@pytest.mark.parametrize(("seconds", "often"), FOUND)
@pytest.mark.parametrize("share", [-0.4, 0.4])
def test_a_drift_of_the_median_is_found(seconds: int, often: float, share: float) -> None:
    def made(chance: np.random.Generator) -> tuple[Floats, Floats]:
        delivered = np.full(seconds, 1_000.0)
        return delivered, medians(chance, delivered) * (1 + share * np.linspace(0, 1, seconds))

    assert states(made).get("drifting", 0.0) >= often


def test_one_odd_second_is_no_drift() -> None:
    assert states(lambda _: (np.full(20, 900.0), np.array([2.0] * 19 + [200.0]))) == {"steady": pytest.approx(1)}


def test_a_small_drift_that_is_certain_is_none_for_practice() -> None:
    """3 % of throughput and 10 % of the median, without any noise."""
    assert states(lambda _: (np.linspace(1000, 1030, 20), np.linspace(2, 2.2, 20))) == {"steady": pytest.approx(1)}


def test_halves_apart_without_a_trend() -> None:
    halves = np.array([900.0, 1100.0] * 5 + [700.0, 900.0] * 5)
    assert states(lambda _: (halves, np.full(20, 2.0))) == {"not steady": pytest.approx(1)}


def test_too_short_to_tell() -> None:
    assert states(lambda _: (np.full(3, 900.0), np.full(3, 2.0))) == {None: pytest.approx(1)}


def test_the_trend_of_a_line_is_its_slope() -> None:
    found = trend_of(np.arange(100.0) * 3 + 7)
    assert found is not None
    assert found.change == pytest.approx(3 * 99)
    assert found.p < 1e-9


def test_a_long_series_is_averaged_over_stretches() -> None:
    found = trend_of(np.repeat(np.arange(100.0), 36))
    assert found is not None
    assert found.change == pytest.approx(99, rel=0.02)


def test_a_constant_series_has_no_trend() -> None:
    found = trend_of(np.full(30, 5.0))
    assert found is not None
    assert (found.change, found.p) == (0.0, 1.0)
