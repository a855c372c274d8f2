"""The model as a queue, against arithmetic that can be done by hand, and against queueing theory."""

import math

import numpy as np
import pytest

from brokerbench.contract import Fate
from brokerbench_drivers.simulated.account import NEVER
from tests.drivers.simulated_stamped import MS, S, broker, canary, drained, message, play, sequences

ONE_MS = {"constant": "1ms"}


def test_slower_than_the_service_nobody_waits() -> None:
    assert play(broker(service=ONE_MS), [0, 2 * MS, 4 * MS]) == {0: 1 * MS, 1: 3 * MS, 2: 5 * MS}


def test_faster_than_the_service_each_waits_for_those_before() -> None:
    arrivals = [n * MS // 2 for n in range(100)]
    assert play(broker(service=ONE_MS), arrivals) == {n: (n + 1) * MS for n in range(100)}


def test_several_workers_serve_at_once_and_may_overtake() -> None:
    found = play(broker(service={"trace": ["3ms", "1ms"]}, workers=2), [0, 0, 0, 0])
    # 0 takes 3 ms; 1 is done at 1, then 2 (3 ms) starts; 0 is done at 3, then 3 (1 ms).
    assert found == {0: 3 * MS, 1: 1 * MS, 2: 4 * MS, 3: 4 * MS}


def test_a_trace_begins_again_at_its_end() -> None:
    found = play(broker(service={"trace": ["1ms", "5ms"]}), [0, 10 * MS, 20 * MS])
    assert found == {0: 1 * MS, 1: 15 * MS, 2: 21 * MS}


def test_no_service_is_no_time() -> None:
    assert play(broker(capacity=1), [5, 5, 6]) == {0: 5, 1: 5, 2: 6}


def test_groups_are_served_apart() -> None:
    it = broker(groups=("g", "h"), service={"exponential": "1ms"})
    first, second = it.attach(), it.attach()
    for n in range(50):
        it.publish(n, (first, second)[n % 2], [message(n)])
    drained(it)
    assert sequences(it, "h") == list(range(50))
    g, h = (it.account.rows[0].departure_ns[group] for group in ("g", "h"))
    assert list(g) != list(h), "the groups draw their service times apart"


def test_the_same_seed_gives_the_same_history() -> None:
    arrivals = [n * MS for n in range(100)]
    settings = {"service": {"exponential": "1ms"}}
    assert play(broker(**settings), arrivals) == play(broker(**settings), arrivals)


# -- stalls ----------------------------------------------------------------------------------------------------------


def test_work_in_service_is_frozen_and_goes_on_afterwards() -> None:
    it = broker(service={"constant": "4ms"}, stalls=[{"at": "2ms", "for": "10ms"}])
    # 0 works from 0 to 2 and from 12 to 14; 1 came meanwhile, and then takes its whole 4 ms.
    assert play(it, [0, 5 * MS]) == {0: 14 * MS, 1: 18 * MS}


def test_stalls_count_from_t0_which_the_first_message_tells() -> None:
    it = broker(stalls=[{"at": "1s", "for": "1s"}])
    connection = it.attach()
    it.publish(100 * S, connection, [message(0, intended_ns=S // 2)])  # so t0 is 99.5 s
    it.publish(100 * S + S // 2, connection, [message(1, intended_ns=S)])
    assert drained(it)[-1] == (1, 101 * S + S // 2)
    assert it.account.t0_ns == 99 * S + S // 2


def test_stalls_come_again_and_may_touch() -> None:
    every = {"at": "1ms", "for": "1ms", "every": "3ms"}  # 1-2, 4-5, 7-8 ...
    assert play(broker(service={"constant": "5ms"}, stalls=[every]), [0]) == {0: 7 * MS}
    both = [{"at": "1ms", "for": "2ms"}, {"at": "3ms", "for": "2ms"}]
    assert play(broker(service={"constant": "2ms"}, stalls=both), [0]) == {0: 6 * MS}


def test_what_comes_in_a_stall_queues_and_leaves_after_it() -> None:
    it = broker(service=ONE_MS, stalls=[{"at": "10ms", "for": "100ms"}])
    arrivals = [0, *(20 * MS + n * MS for n in range(50))]
    assert play(it, arrivals) == {0: 1 * MS, **{n: (110 + n) * MS for n in range(1, 51)}}


# -- capacity --------------------------------------------------------------------------------------------------------


def test_reject_refuses_what_finds_it_full() -> None:
    it = broker(service=ONE_MS, capacity=2)
    connection = it.attach()
    it.publish(0, connection, [message(n) for n in range(4)])
    it.publish(1 * MS, connection, [message(4)])  # one departs at this very moment: there is room
    assert it.take_confirms(connection) == [(0, 1, Fate.CONFIRMED), (2, 3, Fate.REFUSED), (4, 4, Fate.CONFIRMED)]
    drained(it)
    assert list(it.account.rows[0].departure_ns["g"]) == [1 * MS, 2 * MS, NEVER, NEVER, 3 * MS]
    assert it.account.as_json()["ids"] == {"refused": [[0, 2], [0, 3]]}


def test_full_for_one_group_is_full_for_all() -> None:
    it = broker(groups=("g", "h"), service=ONE_MS, capacity=1)
    connection = it.attach()
    it.publish(0, connection, [message(0), message(1)])
    drained(it, "g")
    assert it.take_confirms(connection) == [(0, 0, Fate.CONFIRMED), (1, 1, Fate.REFUSED)]
    assert sequences(it, "h") == [0]


def test_drop_head_loses_the_oldest_that_waits() -> None:
    it = broker(service=ONE_MS, capacity=3, overflow="drop-head")
    connection = it.attach()
    it.publish(0, connection, [message(n) for n in range(6)])  # 0 is served; 1, 2 and 3 make room for 3, 4 and 5
    assert it.take_confirms(connection) == [(0, 5, Fate.CONFIRMED)]
    assert drained(it) == [(0, 1 * MS), (4, 2 * MS), (5, 3 * MS)]
    group = it.account.as_json()["groups"]["g"]
    assert (group["dropped"], group["lost"], group["delivered"]) == (3, 3, 3)
    assert it.account.as_json()["ids"]["g.lost"] == [[0, 1], [0, 2], [0, 3]]


def test_where_none_waits_the_one_that_comes_is_dropped() -> None:
    it = broker(service=ONE_MS, capacity=1, overflow="drop-head")
    assert play(it, [0, 1, 1 * MS]) == {0: 1 * MS, 2: 2 * MS}


# -- confirms and canaries -------------------------------------------------------------------------------------------


def test_confirms_come_when_they_are_due() -> None:
    it = broker(service={"constant": "1s"}, confirm_delay="2ms")
    connection = it.attach()
    it.publish(0, connection, [message(0), message(1)])
    it.publish(1 * MS, connection, [message(2)])
    assert it.next_ns() == 2 * MS
    it.advance(2 * MS - 1)
    assert not it.answered(connection)
    it.advance(2 * MS)
    assert it.take_confirms(connection) == [(0, 1, Fate.CONFIRMED)]
    it.advance(3 * MS)
    assert it.take_confirms(connection) == [(2, 2, Fate.CONFIRMED)]


def test_each_connection_has_numbers_of_its_own() -> None:
    it = broker()
    one, other = it.attach(), it.attach()
    it.publish(0, one, [message(0), message(1)])
    it.publish(0, other, [message(0, producer=1)])
    assert it.take_confirms(one) == [(0, 1, Fate.CONFIRMED)]
    assert it.take_confirms(other) == [(0, 0, Fate.CONFIRMED)]
    it.detach(one)
    it.publish(0, it.attach(), [message(2)])
    assert sorted(it.account.rows) == [0, 1]


def test_a_broker_may_confirm_nothing() -> None:
    it = broker(confirms=False)
    connection = it.attach()
    it.publish(0, connection, [canary(), message(0)])
    assert not it.answered(connection)
    assert sequences(it) == [0, 0]


def test_canaries_pass_and_are_counted_apart() -> None:
    it = broker(service={"constant": "1s"}, confirm_delay="1s", capacity=1, fates={"refused": [0]})
    connection = it.attach()
    it.publish(0, connection, [canary(), message(1), canary()])
    assert it.take_confirms(connection) == [(0, 0, Fate.CONFIRMED), (2, 2, Fate.CONFIRMED)]
    assert len(sequences(it)) == 2
    assert it.account.t0_ns == 0
    counters = it.counters()
    assert (counters.published, counters.delivered, counters.stored) == (3, {"g": 2}, 1)
    assert drained(it) == [(1, 1 * S)]
    assert it.account.as_json()["canaries"] == 2
    assert it.account.as_json()["groups"]["g"]["canaries"] == 2


def test_messages_without_a_stamp_are_served_too() -> None:
    it = broker(service=ONE_MS, fates={"refused": ["every 1"]})
    it.publish(0, it.attach(), [b"x" * 32])
    it.advance(1 * MS)
    assert it.take_deliveries("g", 10, 1 * MS) == [(b"x" * 32, False)]
    assert it.account.as_json()["unstamped"] == 1


# -- theory ----------------------------------------------------------------------------------------------------------


def test_mm1_waits_as_theory_says() -> None:
    """M/M/1 at half load: mean time in the system 1 / (mu - lambda) (Kleinrock, Queueing Systems I, 3.2).

    Times of neighbours are correlated; means of 100 batches, each of hundreds of busy periods, hardly are.
    """
    count, batches = 100_000, 100
    gaps = np.random.default_rng(3).exponential(2 * MS, count)
    arrivals = np.cumsum(gaps).astype(np.int64)
    left = play(broker(service={"exponential": "1ms"}), arrivals.tolist())
    times = (np.array([left[n] for n in range(count)]) - arrivals) / MS
    means = times.reshape(batches, -1).mean(axis=1)
    sigma = means.std(ddof=1) / math.sqrt(batches)
    assert times.mean() == pytest.approx(2.0, abs=3 * sigma)
    assert sigma < 0.05
