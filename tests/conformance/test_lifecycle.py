"""Open, close, open again: nothing hangs, nothing is left, nobody sees another's messages."""

import gc
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from brokerbench.contract import Feature
from tests.conformance.lab import DEADLINE_S, Lab, Sink, until, within


def _threads() -> set[str]:
    return set(os.listdir(f"/proc/{os.getpid()}/task"))


def _files() -> list[str]:
    """What each descriptor points to, sorted; the order of the numbers says nothing."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(os.readlink(entry))
        except FileNotFoundError:
            continue  # the listing's own
    return sorted(found)


def _open_and_close(lab: Lab) -> None:
    trial = lab.trial()
    sink = trial.sink()
    source = trial.source()
    trial.ready()
    trial.send(source, 50)
    trial.settle_down()
    sink.consumer.close()
    source.producer.close()
    lab.close()


def test_close_leaves_no_thread_and_no_file(lab: Lab) -> None:
    _open_and_close(lab)  # what a library opens once for all time is not a leak
    threads, files = len(_threads()), len(_files())
    for _ in range(3):
        _open_and_close(lab)

    def back() -> bool:
        gc.collect()
        return len(_threads()) <= threads and len(_files()) <= files

    until(back, f"back at {threads} threads and {files} files; now {threading.enumerate()} and {_files()}")


def _descriptors() -> set[str]:
    """Without the one that lists them."""
    return {name for name in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{name}")}


def _holding_back(since: set[str]) -> tuple[int, int]:
    """TCP connections opened since, and how many of them hold small writes back until what went before is acknowledged
    (Nagle's algorithm)."""
    connected = holding = 0
    for name in _descriptors() - since:
        with suppress(OSError):  # closed meanwhile, or nobody is at the other end
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(name))) as found:
                found.getpeername()
                if found.family in (socket.AF_INET, socket.AF_INET6):
                    connected += 1
                    holding += not found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    return connected, holding


@pytest.mark.brokered
def test_no_small_write_waits_for_an_acknowledgement(lab: Lab) -> None:
    """The other side may take its time (RFC 1122, 4.2.3.2), which no figure of ours could tell from the broker's."""
    trial = lab.trial()
    before = _descriptors()
    trial.sink()
    trial.source()
    assert _holding_back(before)[0]
    # A library sets it in a thread of its own, once it is connected.
    until(lambda: not _holding_back(before)[1], "all send at once", lambda: time.sleep(0.05), deadline_s=20)


def test_close_twice_does_nothing(lab: Lab) -> None:
    trial = lab.trial()
    sink = trial.sink()
    source = trial.source()
    closes = [sink.consumer.close, source.producer.close, *(connection.close for connection in trial.connections)]
    for close in closes:
        within(DEADLINE_S, close, "close")
        within(DEADLINE_S, close, "close, again")


def test_close_under_load(lab: Lab) -> None:
    """Everything is closed while messages are on their way, the consumer first."""
    trial = lab.trial()
    sink = trial.sink()
    source = trial.source()
    trial.ready()
    trial.send(source, 200)
    until(lambda: bool(sink.got), "the first messages", trial.turn)
    for _ in range(5):
        source.offer([64] * 100)
    consumer, producer = trial.connections
    within(DEADLINE_S, consumer.close, "the consumer's connection, with messages under way")
    for _ in range(5):
        source.offer([64] * 100)
    within(DEADLINE_S, producer.close, "the producer's connection, with messages under way")


@pytest.mark.feature(Feature.CONFIRMS)
def test_close_flushes_what_was_taken(lab: Lab) -> None:
    trial = lab.trial()
    source = trial.source()
    until(lambda: source.offer([64] * 20) > 0, "some taken")
    within(DEADLINE_S, source.producer.close, "close")
    sink = trial.sink()
    trial.sources.clear()
    until(lambda: len(sink.got) >= len(source.taken), "what was taken before close", lambda: sink.pull(0.05))
    assert sorted(sink.of()) == source.taken


def test_two_destinations_do_not_see_each_other(lab: Lab) -> None:
    """Each payload carries the mark of its destination, which is checked as it arrives."""
    one, two = lab.trial(), lab.trial()
    for trial in (one, two):
        trial.sink()
        trial.source()
        trial.ready()
    for _ in range(5):
        one.send(one.sources[0], 100)
        two.send(two.sources[0], 70)
    one.settle_down()
    two.settle_down()
    for trial, count in ((one, 500), (two, 350)):
        _quiet(trial.sinks[0])
        assert sorted(trial.sinks[0].of()) == list(range(count))


def _quiet(sink: Sink) -> None:
    until(lambda: sink.pull(0.05).count == 0, "nothing more")


def test_many_producers_and_consumers_in_turn(lab: Lab) -> None:
    """A producer that comes later, on a destination that has carried messages, starts at ordinal 0 again."""
    trial = lab.trial(producers=lab.case.flavour.producers)
    trial.sink()
    for index in range(lab.case.flavour.producers):
        source = trial.source(index)
        trial.ready()
        trial.send(source, 100)
        trial.settle_down()
        assert source.taken == list(range(100))
