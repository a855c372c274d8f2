"""pika's loop in our hands: timers, handlers, waiting."""

import socket
from collections.abc import Iterator

import pytest

from brokerbench_drivers.rabbitmq.pump import Pump

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_timers_fire_in_order_unless_removed() -> None:
    pump, fired = Pump(), []
    pump.call_later(0.2, lambda: fired.append("second"))
    removed = pump.call_later(0.15, lambda: fired.append("removed"))
    pump.call_later(0.1, lambda: fired.append("first"))
    pump.remove_timeout(removed)
    assert pump.until(lambda: len(fired) == 2, 10.0)
    assert fired == ["first", "second"]


def test_a_timer_ends_a_longer_wait() -> None:
    pump, fired = Pump(), []
    pump.call_later(0.2, lambda: fired.append(True))
    pump.step(3600.0)  # would hang
    pump.step(0.0)
    assert fired == [True]


def test_until_gives_up() -> None:
    assert Pump().until(lambda: False, 0.001) is False


def test_input_ends_the_wait(pair: Pair) -> None:
    ours, theirs = pair
    pump, read = Pump(), []
    pump.add_handler(ours.fileno(), lambda _, events: read.append((events, ours.recv(10))), Pump.READ)
    theirs.send(b"x")
    pump.step(3600.0)
    assert read == [(Pump.READ, b"x")]
    pump.step(0.0)
    assert len(read) == 1


def test_flush_writes_without_waiting_for_a_step(pair: Pair) -> None:
    ours, theirs = pair
    pump = Pump()

    def write(fd: int, events: int) -> None:
        assert events == Pump.WRITE
        ours.send(b"out")
        pump.update_handler(fd, Pump.READ)

    pump.add_handler(ours.fileno(), write, Pump.READ | Pump.WRITE)
    assert pump.writing
    pump.flush()
    assert theirs.recv(10) == b"out"
    assert not pump.writing


def test_a_handler_may_remove_another() -> None:
    a, b = socket.socketpair(), socket.socketpair()
    pump, called = Pump(), []

    def handler(me: socket.socket, other: socket.socket) -> None:
        called.append(me)
        pump.remove_handler(other.fileno())

    pump.add_handler(a[0].fileno(), lambda *_: handler(a[0], b[0]), Pump.READ)
    pump.add_handler(b[0].fileno(), lambda *_: handler(b[0], a[0]), Pump.READ)
    a[1].send(b"x")
    b[1].send(b"x")
    pump.step(1.0)
    assert len(called) == 1
    for end in (*a, *b):
        end.close()


def test_what_a_handler_asks_for_soon_is_done_in_the_same_step(pair: Pair) -> None:
    """So that a lost connection is reported by the call that noticed it."""
    ours, theirs = pair
    pump, done = Pump(), []
    pump.add_handler(ours.fileno(), lambda *_: pump.add_callback(lambda: done.append(ours.recv(1))), Pump.READ)
    theirs.send(b"x")
    pump.step(1.0)
    assert done == [b"x"]
