"""When messages are intended: exact, even, and with no debt forgiven."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

from brokerbench.engine.profile import Profile
from brokerbench.engine.schedule import Constant, Limited, Poisson, Saturate, Schedule, Varying

S = 1_000_000_000
RATES = (0.1, 1.0, 7.0, 1000.0, 2000.0, 3000.0, 12_345.6, 70_000.0, 999_983.0, 3e6)
PRODUCERS = (1, 2, 3, 7, 32)


def exact(rate: float, producers: int, index: int, sequence: int) -> Fraction:
    """Due time of a message in ns, as the class says it."""
    return Fraction(sequence * producers + index) * S / Fraction(rate)


def all_of(schedule: Schedule, count: int, first: int = 0) -> np.ndarray:
    cap = schedule.batch_cap
    return np.concatenate([schedule.times(k, min(cap, first + count - k)) for k in range(first, first + count, cap)])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("producers", PRODUCERS)
def test_the_total_is_the_rate_over_all_producers(rate, producers):
    """At each whole second just as many are due as the rate says, however many producers share it."""
    for seconds in (1, 2, 10, 3600):
        due = sum(Constant(rate, producers, p).due(seconds * S - 1) for p in range(producers))
        before = Fraction(rate) * (seconds * S - 1) / S  # message 0 is due at 0, so all before this one
        assert abs(due - (int(before) + 1)) <= (0 if rate == int(rate) else 1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("producers", PRODUCERS)
def test_producers_together_are_evenly_spaced(rate, producers):
    count = 500
    merged = np.sort(np.concatenate([all_of(Constant(rate, producers, p), count) for p in range(producers)]))
    expected = [int(g * S / Fraction(rate)) for g in range(count * producers)]
    assert np.abs(merged - np.array(expected)).max() <= 1


@pytest.mark.parametrize("rate", RATES)
def test_times_late_in_a_run_are_as_exact(rate):
    schedule = Constant(rate, 3, 2)
    first = schedule.due(20 * 3600 * S)
    found = all_of(schedule, 200, first)
    assert np.abs(found - np.array([int(exact(rate, 3, 2, first + i)) for i in range(200)])).max() <= 1
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("producers", PRODUCERS)
def test_due_times_and_next_agree(rate, producers):
    """The window is cut by sequence on one side and by time on the other: they must mean the same message."""
    chance = np.random.default_rng(int(rate) + producers)
    for index in {0, producers - 1}:
        schedule = Constant(rate, producers, index)
        for first in (0, *chance.integers(0, 10**7, 30).tolist()):
            times = schedule.times(first, schedule.batch_cap).tolist()
            for sequence, due in enumerate(times[:50], first):
                assert schedule.next_ns(sequence) == due
                assert schedule.due(due - 1) <= sequence or times.count(due) > 1
                assert schedule.due(due) >= sequence + 1


@pytest.mark.parametrize("batch", [1, 3, 10_000])
def test_a_stall_forgives_nothing(batch):
    """After any pause all that was intended meanwhile is still to be sent, with the times it had."""
    schedule, twin = Constant(5000.0, 2, 1), Constant(5000.0, 2, 1)
    sent, times = 0, []
    for now in (0, 1 * S, 1 * S + 1000, 5 * S, 5 * S, 20 * S):
        while (owed := schedule.due(now) - sent) > 0:
            taken = schedule.times(sent, min(owed, schedule.batch_cap, batch))
            schedule.taken(len(taken))
            times += taken.tolist()
            sent += len(taken)
    assert sent == 20 * 2500
    assert times == all_of(twin, sent).tolist()


@pytest.mark.parametrize("rate", RATES)
def test_a_batch_is_at_most_a_millisecond(rate):
    schedule = Constant(rate, 1, 0)
    times = schedule.times(0, schedule.batch_cap)
    assert len(times) == schedule.batch_cap >= 1
    assert times[-1] - times[0] <= 1_000_000


def test_before_t0_nothing_is_due():
    assert Constant(1000.0, 2, 1).due(-5 * S) == 0
    assert Constant(1000.0, 2, 1).due(0) == 0  # the second producer starts half a step later
    assert Constant(1000.0, 2, 0).due(0) == 1


@pytest.mark.parametrize("seed", range(8))
def test_saturate_against_a_list_of_slots(seed):
    """Each slot is free since t0, or since its answer came; the oldest is used first."""
    chance = np.random.default_rng(seed)
    in_flight = int(chance.integers(1, 40))
    schedule, free, outstanding, sent, now = Saturate(in_flight, confirming=True), [0] * in_flight, 0, 0, 0
    for _ in range(600):
        now += int(chance.integers(0, 3))
        if chance.random() < 0.5:
            owed = schedule.due(now) - sent
            assert owed == len(free)
            assert (schedule.next_ns(sent) <= now) == bool(free)
            count = min(owed, int(chance.integers(0, in_flight + 1)), schedule.batch_cap)
            if count:
                assert schedule.times(sent, count).tolist() == free[:count]
                took = int(chance.integers(0, count + 1))  # the client may take fewer than offered
                schedule.taken(took)
                free, sent, outstanding = free[took:], sent + took, outstanding + took
        else:
            answered = int(chance.integers(0, outstanding + 1))
            schedule.freed(answered, now)
            free, outstanding = free + [now] * answered, outstanding - answered
    assert sent > in_flight


def test_saturate_without_confirms_intends_a_message_when_it_is_taken():
    schedule = Saturate(10, confirming=False)
    for now in (0, 5, 5, 900):
        assert schedule.due(now) > 10**15
        assert schedule.times(0, 4).tolist() == [now] * 4
        assert schedule.next_ns(123) <= now
        schedule.taken(4)


@pytest.mark.parametrize("rate", [50.0, 2000.0, 1e6])
def test_poisson_is_what_its_formula_says(rate):
    """Count, mean gap and spread of gaps within 3 sigma; independent of how it is asked."""
    sent = int(min(200_000, rate * 100))
    times = all_of(Poisson(rate, 1, 0, seed=3), sent)
    gaps = np.diff(times) / 1e9 * rate
    assert abs(gaps.mean() - 1) < 3 / np.sqrt(sent)
    assert abs((gaps**2).mean() - 2) < 3 * np.sqrt(20 / sent)  # exponential: E x^2 = 2, var x^2 = 24 - 4
    assert (np.diff(times) >= 0).all()
    stepped = Poisson(rate, 1, 0, seed=3)
    assert [stepped.due(int(t)) for t in times[:: sent // 50]] == [
        int(np.searchsorted(times, t, side="right")) for t in times[:: sent // 50]
    ]


def test_poisson_streams_of_producers_differ_and_repeat():
    assert all_of(Poisson(1000.0, 2, 0, seed=1), 100).tolist() == all_of(Poisson(1000.0, 2, 0, seed=1), 100).tolist()
    assert all_of(Poisson(1000.0, 2, 0, seed=1), 100).tolist() != all_of(Poisson(1000.0, 2, 1, seed=1), 100).tolist()


def test_poisson_takes_no_memory_for_what_is_past_or_owed():
    schedule = Poisson(1e6, 1, 0, seed=1)
    owed = schedule.due(10 * S)  # ten million, none of them sent
    assert abs(owed - 1e7) < 3 * np.sqrt(1e7)
    schedule.times(owed - 10, 10)
    assert schedule.next_ns(owed - 1) <= 10 * S < schedule.next_ns(owed)
    held = [gaps.places.nbytes for gaps in (schedule._places._due, schedule._places._sent)]
    assert max(held) <= 2 * 8 * (1 << 14)


# Steady, ramps up and down, a step, and a spike; with the number of messages of each by its formula.
RAMP = ((2.0, 1000.0, 1000.0), (4.0, 1000.0, 5000.0), (1.0, 8000.0, 8000.0), (3.0, 5000.0, 500.0))
SENT = (2000.0, 12_000.0, 8000.0, 8250.0)


@pytest.mark.parametrize("producers", PRODUCERS)
def test_a_profile_has_as_many_as_the_area_below_it(producers):
    ends, sent = np.cumsum([seconds for seconds, _, _ in RAMP]), np.cumsum(SENT)
    for end, expected in zip(ends, sent, strict=True):
        schedules = [Varying(Profile(RAMP), producers, p, None) for p in range(producers)]
        assert sum(each.due(int(end * S) - 1) for each in schedules) == expected


@pytest.mark.parametrize("producers", PRODUCERS)
def test_a_profiles_messages_stand_where_its_integral_is_whole(producers):
    """n(t) at the time of message n, computed apart from the class: exact to the ns that times are rounded to."""
    total = int(sum(SENT))
    merged = np.sort(
        np.concatenate(
            [all_of(Varying(Profile(RAMP), producers, p, None), -(-(total - p) // producers)) for p in range(producers)]
        )
    )
    found = np.array([_area(Fraction(int(t), S)) for t in merged[:: max(1, total // 300)]], dtype=float)
    expected = np.arange(0, total, max(1, total // 300))
    assert np.abs(found - expected).max() <= 8000 * 0.5e-9 * 1.01  # half a ns at the highest rate


def _area(until: Fraction) -> Fraction:
    """Messages intended before `until` seconds."""
    sent = Fraction(0)
    for seconds, first, last in RAMP:
        part = min(until, Fraction(seconds))
        slope = (Fraction(last) - Fraction(first)) / Fraction(seconds)
        sent += Fraction(first) * part + slope * part * part / 2
        until -= part
    return sent


@pytest.mark.parametrize("seed", [None, 7])
def test_due_times_and_next_of_a_profile_agree(seed):
    schedule, twin = (Varying(Profile(RAMP), 2, 1, seed) for _ in range(2))
    times = all_of(twin, 15_000)
    assert (np.diff(times) >= 0).all()
    for sequence in range(0, 15_000, 37):
        due = int(times[sequence])
        assert schedule.due(due - 1) == np.searchsorted(times, due, side="left")
        assert schedule.due(due) == np.searchsorted(times, due, side="right")
        assert schedule.next_ns(sequence) == due


def test_a_profile_at_random_is_poisson_in_each_part():
    """Counts within 3 sigma of the area, in each segment."""
    times = all_of(Varying(Profile(RAMP), 1, 0, 5), 40_000)
    edges = np.concatenate(([0.0], np.cumsum([seconds for seconds, _, _ in RAMP]))) * S
    counts, _ = np.histogram(times, edges)
    for found, expected in zip(counts, SENT, strict=True):
        assert abs(found - expected) < 3 * np.sqrt(expected)


def test_after_its_end_a_profile_goes_on_at_its_last_rate():
    schedule = Varying(Profile(RAMP), 1, 0, None)
    assert schedule.due(20 * S - 1) - schedule.due(10 * S - 1) == 10 * 500


@pytest.mark.parametrize(
    "schedule",
    [Constant(1e7, 1, 0), Poisson(1e7, 1, 0, 1), Varying(Profile(((1.0, 5e6, 1.5e7),)), 1, 0, None)],
    ids=["constant", "poisson", "varying"],
)
def test_ten_million_take_no_memory_that_grows(schedule):
    cap = schedule.batch_cap
    schedule.times(0, cap)
    tracemalloc.start()
    for first in range(0, 10_000_000 - cap, cap):
        schedule.times(first, cap)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2**20
    assert most < 4 * 2**20


def test_a_limited_one_ends_after_so_many():
    whole, limited = Constant(1000.0, 2, 1), Limited(Constant(1000.0, 2, 1), 30)
    for now_ns in range(0, S // 10, S // 1000):
        assert limited.due(now_ns) == min(30, whole.due(now_ns))
    assert (limited.times(10, 5) == whole.times(10, 5)).all()
    assert limited.next_ns(29) == whole.next_ns(29)
