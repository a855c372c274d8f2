"""Users of a closed load: one request each, no herd, a round of thinking and waiting; and what comes of it in a run."""

import math
from pathlib import Path

import numpy as np
import pytest

from brokerbench.engine.users import Users
from tests.support.specs import child_spec
from tests.support.truth import assert_counts
from tests.support.virtual import run_virtual

S = 1_000_000_000
FIXED = {"fixed_s": 1.0}


def users(count: int, think: dict[str, object], *, ramp_s: float = 0.0, producers: int = 1, index: int = 0) -> Users:
    closed = {"users": count, "think": think, "ramp_s": ramp_s, "connections": "shared"}
    return Users(child_spec(Path(), rate_msgs_s=None, closed=closed, producers=producers, index=index))


def lived(load: Users, until_s: float, answer_ns: int = 0) -> tuple[np.ndarray, list[int]]:
    """Each request is answered `answer_ns` after it is due. When they were due, and whose they were."""
    due: list[int] = []
    lanes: list[int] = []
    answers: list[tuple[int, int]] = []
    now = 0
    while now < until_s * S:
        for at, sequence in [each for each in answers if each[0] <= now]:
            load.answered(np.array([sequence]), np.array([sequence]), at)
            answers.remove((at, sequence))
        owed = load.due(now) - len(due)
        if owed:
            times = load.times(len(due), owed).tolist()
            lanes += load.lanes(owed)
            answers += [(at + answer_ns, len(due) + i) for i, at in enumerate(times)]
            due += times
            load.taken(owed)
        now = min(load.next_ns(len(due)), *(at for at, _ in answers)) if answers else load.next_ns(len(due))
    return np.array(due), lanes


def fullest(due: np.ndarray, length: int) -> int:
    """The most of these times, which ascend, within any stretch of this length."""
    return int((np.searchsorted(due, due + length) - np.arange(len(due))).max())


def test_the_first_requests_stand_evenly_over_the_think_time() -> None:
    """5 % of the users in any 50 ms of the second, at random places in it: no herd."""
    due, _ = lived(users(1000, FIXED), 0.9999, answer_ns=S)
    most = fullest(np.sort(np.concatenate((due, due + S))), S // 20)
    assert len(due) == 1000
    assert 50 <= most <= 53
    assert np.diff(due).min() < S // 2000  # not on a grid


@pytest.mark.parametrize("ramp_s", [2.0, 2.5])
def test_a_ramp_brings_them_one_after_the_other_and_leaves_the_phases_even(ramp_s: float) -> None:
    due, _ = lived(users(200, FIXED, ramp_s=ramp_s), ramp_s + 2, answer_ns=1)
    for at_s in np.arange(0.5, ramp_s, 0.5):
        begun = np.count_nonzero(due < at_s * S) - np.count_nonzero(due < (at_s - 1.01) * S)
        assert abs(begun - 200 * (at_s - 0.5) / ramp_s) <= 200 * 0.6 / ramp_s
    counts, _ = np.histogram(due, bins=np.arange(ramp_s + 1, ramp_s + 2.001, 0.1) * S)
    assert counts.max() - counts.min() <= 3


def test_one_request_of_each_user_at_a_time() -> None:
    load = users(10, {"exponential_s": 0.1})
    assert load.due(100 * S) == 10
    assert sorted(load.lanes(10)) == list(range(10))
    load.taken(10)
    assert load.due(200 * S) == 10
    load.answered(np.array([-3, 4, 4]), np.array([-1, 5, 5]), 200 * S)  # canaries, two answers, the same again
    assert load.due(300 * S) == 12


def test_users_of_a_lost_connection_think_again() -> None:
    load = users(10, FIXED)
    load.taken(load.due(2 * S))
    load.given_up(3 * S)
    assert (load.due(4 * S - 1), load.due(4 * S)) == (10, 20)
    assert load.times(10, 10).tolist() == [4 * S] * 10


@pytest.mark.parametrize(
    ("think", "mean", "variance"),
    [({"uniform": {"from_s": 0.5, "to_s": 2.0}}, 1.25, 1.5**2 / 12), ({"exponential_s": 0.8}, 0.8, 0.64)],
    ids=["uniform", "exponential"],
)
def test_think_times_are_what_their_formula_says(think: dict[str, object], mean: float, variance: float) -> None:
    """Mean and variance within 3 standard errors."""
    load = users(1, think)
    drawn = [load._thinking.next_ns() / S for _ in range(5000)]
    assert abs(np.mean(drawn) - mean) < 3 * math.sqrt(variance / 5000)
    assert np.var(drawn) == pytest.approx(variance, rel=0.15)


def test_producers_share_the_users_and_the_seed_repeats_them() -> None:
    parts = [lived(users(100, FIXED, producers=3, index=i), 0.9999, answer_ns=S)[0] for i in range(3)]
    whole, _ = lived(users(100, FIXED), 0.9999, answer_ns=S)
    assert [len(part) for part in parts] == [34, 33, 33]
    assert np.sort(np.concatenate(parts)).tolist() == whole.tolist()


def closed(count: int, think: dict[str, object], **more: object) -> dict[str, object]:
    return {"users": count, "think": think, **more}


def test_a_run_is_exact_where_everything_takes_its_time(tmp_path: Path) -> None:
    """1,000 users, think 1 s, confirms after 20 ms: X (R + Z) = N, every response is 20 ms, and no 50 ms of any second
    have more than 8 % of the requests: who began spread out stays so."""
    truth = run_virtual(
        tmp_path,
        {"service": {"constant_s": 0.0}, "confirm_delay_s": 0.02},
        rate=None,
        closed=closed(1000, FIXED, ramp_s=1.0),
        steady_s=5.1,
        producers=3,
    )
    assert_counts(truth)
    assert truth.record["confirmed_msgs_s"] == pytest.approx(1000 / 1.02, rel=2e-3)
    for figure in ("p50", "p99", "max"):
        assert truth.record["confirm_ms"][figure] == pytest.approx(20.0, rel=1e-3)
        assert truth.record["service_ms"][figure] == pytest.approx(20.0, rel=1e-3)
    law = next(check for check in truth.record["checks"] if check["name"] == "users")
    assert law["holds"]
    assert (law["expected"], law["off"] < 0.0001) == (1000, True)
    due = np.sort(np.concatenate([times for name, times in truth.times.items() if name.endswith(".intended_ns")]))
    assert len(due) > 6000
    assert fullest(due, S // 20) <= 80
    assert truth.record["validity"]["state"] == "valid", truth.record["validity"]["reasons"]


def test_who_waits_longer_asks_less_often(tmp_path: Path) -> None:
    """20 users who think 100 ms and wait 100 ms: 100 requests a second, however late the messages are delivered."""
    truth = run_virtual(
        tmp_path,
        {"service": {"constant_s": 0.01}, "confirm_delay_s": 0.1},
        rate=None,
        closed=closed(20, {"exponential_s": 0.1}),
        steady_s=20.0,
    )
    assert_counts(truth)
    law = next(check for check in truth.record["checks"] if check["name"] == "users")
    assert law["holds"]
    assert truth.record["confirm_ms"]["mean"] == pytest.approx(100.0, rel=1e-3)
    rounds = 20 * 20.0 / 0.2
    assert abs(truth.record["confirmed_msgs_s"] - 100) < 3 * 100 * 0.5 / math.sqrt(rounds)  # half of a round varies
