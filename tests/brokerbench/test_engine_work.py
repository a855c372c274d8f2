"""A consumer's work on its messages, against a list of them worked off one by one."""

import numpy as np
import pytest

from brokerbench.contract import Deliveries, Settle
from brokerbench.engine.work import Calendar, Worker
from brokerbench.model import Stall, Work
from tests.support.specs import child_spec

MS, S = 1_000_000, 1_000_000_000


def worker(tmp_path, **work):
    return Worker(child_spec(tmp_path, work=Work.model_validate(work).model_dump(mode="json")))


def brought(count, first=0, **columns):
    numbers = range(first, first + count)
    payloads = [n.to_bytes(8, "little") for n in numbers]
    return Deliveries(count, payloads=payloads, tokens=list(numbers), **columns)


def numbers(deliveries):
    return [int.from_bytes(payload, "little") for payload in deliveries.payloads]


def awake_by_steps(at_ms, every_ms, for_ms):
    return sum(not (ms >= every_ms and ms % every_ms < for_ms) for ms in range(at_ms))


def test_a_calendar_against_counting_milliseconds():
    calendar = Calendar(Stall.from_base({"every_s": 0.01, "for_s": 0.003}))
    times = np.arange(0, 60)
    awake = calendar.awake(times * MS) // MS
    assert awake.tolist() == [awake_by_steps(int(at), 10, 3) for at in times]
    there_and_back = calendar.awake(calendar.at(np.arange(0, 40 * MS, MS // 2)))
    assert there_and_back.tolist() == list(range(0, 40 * MS, MS // 2))


@pytest.mark.parametrize("stall", [None, {"every": "10ms", "for": "3ms"}])
def test_messages_follow_each_other(tmp_path, stall):
    """Each begins when it has come, the one before is done, and the consumer does not stand still."""
    work = worker(tmp_path, processing="2ms", **({"stall": stall} if stall else {}))
    chance = np.random.default_rng(3)
    free, expected, at = 0, [], 0
    for _ in range(50):
        at += int(chance.integers(0, 12)) * MS
        count = int(chance.integers(1, 5))
        work.take(brought(count), at, 0)
        for _ in range(count):
            begin = max(at, free) // MS
            while stall and begin >= 10 and begin % 10 < 3:
                begin += 1
            expected.append(begin * MS)
            left, now = 2, begin
            while left:
                left -= not (stall and now >= 10 and now % 10 < 3)
                now += 1
            free = now * MS
    found = [time for begun in work.begun(10 * S, 0) for time in begun.kept.received_ns.tolist()]
    assert found == expected


def test_it_settles_when_it_is_done_and_not_before(tmp_path):
    work = worker(tmp_path, processing="10ms")
    work.take(brought(3), 5 * MS, 0)
    assert (work.hand, work.next_ns()) == (3, 5 * MS)
    assert [numbers(b.kept) for b in work.begun(5 * MS, 0)] == [[0]]
    assert work.next_ns() == 15 * MS
    assert list(work.settled(15 * MS - 1)) == []
    assert list(work.settled(15 * MS)) == [([0], Settle.ACCEPT)]
    assert [numbers(b.kept) for b in work.begun(30 * MS, 0)] == [[1, 2]]  # it woke late, and is late with no message
    assert list(work.settled(35 * MS)) == [([1, 2], Settle.ACCEPT)]
    assert (work.hand, work.next_ns()) == (0, None)


def test_who_wakes_late_has_begun_all_that_it_ends(tmp_path):
    """Of two deliveries, the first is at work when it falls asleep, and both are done when it wakes."""
    work = worker(tmp_path, processing="10ms")
    work.take(brought(1), 0, 0)
    work.take(brought(2, first=1), 5 * MS, 0)
    assert [numbers(b.kept) for b in work.begun(5 * MS, 0)] == [[0]]
    assert [numbers(b.kept) for b in work.begun(50 * MS, 0)] == [[1, 2]]
    assert [token for tokens, _ in work.settled(50 * MS) for token in tokens] == [0, 1, 2]


def test_it_settles_so_many_at_once_and_the_rest_after_a_second(tmp_path):
    work = worker(tmp_path, ack_every=4)
    work.take(brought(10), 0, 0)
    assert len(list(work.begun(0, 0))) == 1
    assert list(work.settled(0)) == [(list(range(8)), Settle.ACCEPT)]
    assert list(work.settled(S - 1)) == []
    assert list(work.settled(S)) == [([8, 9], Settle.ACCEPT)]


def test_what_it_gives_back_is_no_receipt(tmp_path):
    work = worker(tmp_path, requeue="20%", reject="10%")
    count = 10_000
    work.take(brought(count), 0, 0)
    [begun] = work.begun(0, 0)
    settled = {how: tokens for tokens, how in work.settled(0)}
    assert sorted(token for tokens in settled.values() for token in tokens) == list(range(count))
    assert numbers(begun.returned) == settled[Settle.REQUEUE]
    assert sorted(numbers(begun.kept)) == sorted(settled[Settle.ACCEPT] + settled[Settle.REJECT])
    assert begun.rejected == len(settled[Settle.REJECT])
    for how, share in ((Settle.REQUEUE, 0.2), (Settle.REJECT, 0.1)):
        sigma = (count * share * (1 - share)) ** 0.5
        assert abs(len(settled[how]) - count * share) < 3 * sigma
    again = worker(tmp_path, requeue="20%", reject="10%")
    again.take(brought(count), 0, 0)
    assert next(iter(again.begun(0, 0))).returned.payloads == begun.returned.payloads  # the seed decides


def test_a_position_waits_for_the_last_it_covers(tmp_path):
    work = worker(tmp_path, processing="1ms")
    work.take(Deliveries(5, payloads=[b"x" * 8] * 5, tokens={3: 17}), 0, 0)
    assert len(list(work.begun(4 * MS, 0))) == 1
    assert list(work.settled(4 * MS)) == []
    assert list(work.settled(5 * MS)) == [({3: 17}, Settle.ACCEPT)]


def test_who_leaves_settles_what_had_begun(tmp_path):
    work = worker(tmp_path, processing="10ms", ack_every=3)
    work.take(brought(5), 0, 0)
    assert len(list(work.begun(10 * MS, 0))) == 1
    assert list(work.settled(10 * MS)) == []
    assert list(work.leave()) == [([0, 1], Settle.ACCEPT)]
    assert work.hand == 0


def test_a_lost_connection_takes_all_with_it(tmp_path):
    work = worker(tmp_path, processing="10ms", ack_every=3)
    work.take(brought(5), 0, 0)
    assert len(list(work.begun(10 * MS, 0))) == 1
    assert list(work.settled(10 * MS)) == []
    work.forget()
    assert list(work.settled(10 * S)) == list(work.leave()) == []
    work.take(brought(1, first=9), 30 * MS, 0)
    [begun] = work.begun(30 * MS, 0)
    assert (numbers(begun.kept), begun.kept.received_ns.tolist()) == ([9], [30 * MS])


def test_blocks_of_a_buffer_are_kept_and_cut(tmp_path):
    work = worker(tmp_path, processing="1ms")
    buffer = np.arange(24, dtype=np.uint8)
    flags = np.array([False, True, False])
    came = np.array([7, 8, 9]) * MS
    work.take(Deliveries(3, buffer=buffer, size_bytes=8, redelivered=flags, received_ns=came), 50 * MS, 0)
    buffer[:] = 0  # a driver may fill it again
    [begun] = work.begun(8 * MS, 0)
    assert bytes(begun.kept.buffer) == bytes(range(16))
    assert begun.kept.redelivered.tolist() == [False, True]
    assert begun.kept.received_ns.tolist() == [7 * MS, 8 * MS]
    assert list(work.settled(9 * MS)) == []  # nothing is settled where there are no tokens


def test_its_share_of_the_window(tmp_path):
    """The window goes from 1 s to 3 s; at 2 s it stands still for 1 s: 0.7 of its 1 s awake went into messages."""
    work = worker(tmp_path, processing="100ms", stall={"every": "2s", "for": "1s"})
    work.take(brought(5), S - 200 * MS, 0)
    work.take(brought(4), S + 800 * MS, 0)
    assert sum(begun.kept.count for begun in work.begun(10 * S, 0)) == 9
    assert work.busy_share() == pytest.approx(0.3 + 0.2)
