"""Each stage of a scenario as it is sent: how many messages, and how far apart, as its formula says."""

import math

import numpy as np
import pytest

from brokerbench.engine.profile import Profile
from brokerbench.engine.schedule import Varying
from brokerbench.model import Load

S = 1_000_000_000
# Stages as a scenario has them, and the rate at t seconds (lengths in between are 24 s or add up to it).
STAGES = {
    "steady": ([{"steady": "24s", "rate": "500/s"}], lambda t: 500.0),
    "ramp": ([{"ramp": "24s", "from": "100/s", "to": "900/s"}], lambda t: 100 + 800 * t / 24),
    "steps": (
        [{"steady": "8s", "rate": "200/s"}, {"steady": "8s", "rate": "600/s"}, {"steady": "8s", "rate": "1k/s"}],
        lambda t: (200, 600, 1000)[min(2, int(t // 8))],
    ),
    "spike": ([{"spike": "24s", "from": "200/s", "to": "2k/s"}], lambda t: 2000 if 8 <= t < 16 else 200),
    "day": ([{"day": "24s", "from": "100/s", "to": "1k/s"}], lambda t: 550 - 450 * math.cos(2 * math.pi * t / 24)),
}


def times_of(stages, arrivals="constant", seed=None):
    load = Load.model_validate({"model": "open", "arrivals": arrivals, "warmup": "0s", "stages": stages})
    schedule = Varying(Profile(load.segments), 1, 0, seed)
    count, cap = schedule.due(24 * S - 1), schedule.batch_cap
    fresh = Varying(Profile(load.segments), 1, 0, seed)
    return np.concatenate([fresh.times(first, min(cap, count - first)) for first in range(0, count, cap)])


def areas(rate):
    """Below the rate, for each second: by the midpoint rule in steps of 1 ms."""
    middle = (np.arange(24_000) + 0.5) / 1000
    return np.array([rate(t) for t in middle]).reshape(24, 1000).sum(axis=1) / 1000


@pytest.mark.parametrize("kind", STAGES)
def test_as_many_in_each_second_as_the_area_below_the_rate(kind):
    stages, rate = STAGES[kind]
    counts, _ = np.histogram(times_of(stages), np.arange(25) * S)
    # A day's cosine is drawn as 24 straight lines: an hour's area is less curved by 1 % of the swing at most.
    drawn = 0.01 * 900 if kind == "day" else 0.0
    assert np.abs(counts - areas(rate)).max() <= 1 + drawn
    assert abs(counts.sum() - areas(rate).sum()) <= 1


@pytest.mark.parametrize("kind", STAGES)
def test_they_stand_as_far_apart_as_the_rate_says(kind):
    """The gap at t is 1 / rate(t), rounded to whole ns; within a gap the rate changes by less than 1 %."""
    stages, rate = STAGES[kind]
    times = times_of(stages)
    middle = (times[:-1] + times[1:]) / 2 / S
    gaps = np.diff(times) / S
    away = np.abs(middle / 8 - np.rint(middle / 8)) * 8 > 0.02  # a step lies between two messages
    expected = np.array([1 / rate(t) for t in middle])
    assert np.abs(gaps / expected - 1)[away].max() < (0.08 if kind == "day" else 0.01)


@pytest.mark.parametrize("kind", STAGES)
def test_at_random_they_are_as_many_within_three_sigma(kind):
    """A Poisson process of that rate: the count of each 4 s, and of all, has its area as mean and as variance."""
    stages, rate = STAGES[kind]
    counts, _ = np.histogram(times_of(stages, "poisson", seed=11), np.arange(0, 25, 4) * S)
    expected = areas(rate).reshape(6, 4).sum(axis=1)
    assert (np.abs(counts - expected) < 3 * np.sqrt(expected)).all()
    assert abs(counts.sum() - expected.sum()) < 3 * math.sqrt(expected.sum())
