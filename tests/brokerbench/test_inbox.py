"""The hand-over between a library's thread and the engine's."""

import threading
from time import monotonic_ns

import pytest

from brokerbench.contract import ConnectionLost
from brokerbench.inbox import Inbox, Mailbox


def test_takes_what_is_there_in_order_up_to_most() -> None:
    box: Mailbox[int] = Mailbox()
    for item in range(5):
        box.post(item)
    assert box.take(0, 3) == [0, 1, 2]
    assert box.take(0, 3) == [3, 4]
    assert box.take(0, 3) == []


def test_an_empty_take_returns_after_its_time() -> None:
    assert Mailbox[int]().take(0.01, 10) == []


def test_a_waiting_taker_is_woken_by_the_first_item() -> None:
    """The wait is far longer than the test may take."""
    box: Mailbox[int] = Mailbox()
    threading.Timer(0.05, box.post, [7]).start()
    assert box.take(600, 10) == [7]


def test_a_failure_wakes_but_what_came_before_is_taken_first() -> None:
    box: Mailbox[int] = Mailbox()
    box.post(1)
    box.fail(ConnectionLost("gone"))
    box.fail(ConnectionLost("later"))
    assert box.take(600, 10) == [1]
    with pytest.raises(ConnectionLost, match="gone"):
        box.take(600, 10)


def test_a_failure_reaches_a_waiting_taker() -> None:
    box: Mailbox[int] = Mailbox()
    threading.Timer(0.05, box.fail, [ConnectionLost("gone")]).start()
    with pytest.raises(ConnectionLost):
        box.take(600, 10)


def test_messages_carry_the_time_they_were_put() -> None:
    box = Inbox()
    before = monotonic_ns()
    box.put(b"a", "token")
    box.put(b"b")
    after = monotonic_ns()
    deliveries = box.receive(0)
    assert (deliveries.count, list(deliveries.payloads or ()), list(deliveries.tokens)) == (
        2,
        [b"a", b"b"],
        ["token", None],
    )
    assert deliveries.received_ns is not None
    assert before <= deliveries.received_ns[0] <= deliveries.received_ns[1] <= after
    assert box.receive(0).count == 0


def test_nothing_is_lost_or_swapped_between_two_threads() -> None:
    box: Mailbox[int] = Mailbox()
    count = 200_000

    def post() -> None:
        for item in range(count):
            box.post(item)

    poster = threading.Thread(target=post)
    poster.start()
    taken: list[int] = []
    while len(taken) < count:
        items = box.take(30, 1000)
        assert items, "woken with nothing"
        taken += items
    poster.join()
    assert taken == list(range(count))
