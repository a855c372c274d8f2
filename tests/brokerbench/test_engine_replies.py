"""Replies on their way to who asked: what is waited for, and what tells of it."""

import os
from pathlib import Path

import numpy as np
import pytest

from brokerbench.engine.awaited import Awaited
from brokerbench.engine.bodies import Bodies
from brokerbench.engine.clock import WallClock
from brokerbench.engine.reply_pipe import ReplyReader, ReplyWriter, reply_pipe
from tests.support.specs import child_spec, payload

S = 1_000_000_000


def array(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@pytest.fixture
def awaited(tmp_path: Path) -> Awaited:
    """Of a trial whose window is from 1 s to 3 s, and whose drain lasts 1 s."""
    return Awaited(child_spec(tmp_path, replies_through="somewhere"))


def test_only_the_first_reply_to_what_is_waited_for_counts(awaited: Awaited) -> None:
    awaited.sent(0, array(S, S, 2 * S), 2 * S)
    sequences, received = awaited.take(array(1, 1, 7, 0), array(2 * S + 5, 2 * S + 9, 2 * S, 2 * S + 1))
    assert (sequences.tolist(), received.tolist()) == ([0, 1], [2 * S + 1, 2 * S + 5])
    assert awaited.take(array(1), array(3 * S))[0].tolist() == []
    assert (awaited.open, awaited.replied, awaited.in_window, awaited.given_up) == (1, 2, 2, 0)
    assert awaited.service.take() == [[1, 5], [1, 1]]


def test_requests_under_way_are_averaged_over_the_window(awaited: Awaited) -> None:
    """One for all of it, one for its last quarter, one answered before it began; then one that is never answered."""
    awaited.sent(0, array(0, 0), S // 2)
    awaited.take(array(1), array(S))
    awaited.sent(2, array(2 * S), 5 * S // 2)
    awaited.take(array(0, 2), array(4 * S, 3 * S))
    assert awaited.in_flight_mean() == 1.25
    awaited.sent(3, array(2 * S), 2 * S)
    assert awaited.in_flight_mean() == 1.75


def test_what_waits_too_long_is_given_up(awaited: Awaited) -> None:
    awaited.sent(0, array(S, S), S)
    awaited.sent(2, array(S), S + 5)
    assert awaited.overdue(2 * S).tolist() == []
    assert awaited.overdue(2 * S + 1).tolist() == [0, 1]
    assert awaited.take(array(0), array(2 * S + 2))[0].tolist() == []
    assert awaited.give_up(array(1, 2, 3), 2 * S).tolist() == [2]
    assert (awaited.open, awaited.given_up) == (0, 3)


def test_a_request_so_old_that_its_place_is_needed_is_given_up(awaited: Awaited) -> None:
    ring = awaited._mask + 1
    awaited.sent(0, array(S), S)
    assert awaited.sent(ring, array(S), S + 1).tolist() == [0]
    assert awaited.take(array(0, ring), array(S + 2, S + 2))[0].tolist() == [ring]
    assert (awaited.open, awaited.given_up) == (0, 1)


def test_the_pipe_tells_of_own_replies_and_keeps_what_finds_it_full(tmp_path: Path) -> None:
    path = reply_pipe(tmp_path, 0)
    os.mkfifo(path)
    spec = child_spec(tmp_path, replies_through=str(path))
    writer, reader = ReplyWriter(spec), ReplyReader(spec, WallClock())
    assert not reader.wait(0)
    bodies = Bodies(5, 64)
    mine, of_another_trial = payload(bodies, 77, 0, 3, 9), payload(bodies, 78, 0, 4, 9)
    words = np.frombuffer(mine[:16] + of_another_trial[:16], "<u8").reshape(2, 2)
    writer.add(words, array(S, S + 1))
    assert reader.wait(10)
    sequences, received = reader.take()
    assert (sequences.tolist(), received.tolist()) == ([3], [S])
    many = 100_000  # more than the pipe holds
    writer.add(np.repeat(words[:1], many, axis=0), S)
    found = 0
    while found < many:
        assert reader.wait(10)
        found += len(reader.take()[0])
        writer.push()
    assert found == many
    writer.close()
    reader.close()
