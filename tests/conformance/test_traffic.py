"""Every message once for each group, whole, in order, and at once."""

import random

import pytest

from brokerbench.contract import CannotPromise, Feature
from tests.conformance.lab import Lab, until

COUNT = 3000


def test_every_message_once(lab: Lab) -> None:
    groups = {"a": 1, "b": 1} if Feature.GROUPS in lab.case.features else {"a": 1}
    trial = lab.trial(groups)
    for group in groups:
        trial.sink(group)
    source = trial.source()
    trial.ready()
    trial.send(source, COUNT)
    trial.settle_down()
    once = {(0, sequence): 1 for sequence in range(COUNT)}
    for group in groups:
        assert trial.received(group) == once


def test_sizes_from_16_bytes_up(lab: Lab) -> None:
    most = 65536
    trial = lab.trial(size=most, in_flight=64)
    sink = trial.sink()
    source = trial.source()
    trial.ready()
    chance = random.Random(11)
    edges = iter([16, 17, most, most - 1, 16])

    def size() -> int:
        return next(edges, chance.choice([16, 100, 1024, 4096, chance.randint(16, most)]))

    trial.send(source, 200, size if lab.case.flavour.any_size else most, most=20)
    trial.settle_down()
    assert sorted(sink.of()) == list(range(200))  # each body was compared with what was sent


@pytest.mark.feature(Feature.ORDER)
def test_one_producer_one_consumer_keep_the_order(lab: Lab) -> None:
    trial = lab.trial()
    sink = trial.sink()
    source = trial.source()
    trial.ready()
    trial.send(source, COUNT)
    trial.settle_down()
    assert sink.of() == source.taken == list(range(COUNT))


def test_two_producers_are_told_apart(lab: Lab) -> None:
    if lab.case.flavour.producers == 1:
        with pytest.raises(CannotPromise):
            lab.trial(producers=2)
        return
    trial = lab.trial(producers=2)
    sink = trial.sink()
    first, second = trial.source(0), trial.source(1)
    trial.ready()
    for _ in range(10):
        trial.send(first, 50)
        trial.send(second, 30)
    trial.settle_down()
    assert sorted(sink.of(0)) == list(range(500))
    assert sorted(sink.of(1)) == list(range(300))


@pytest.mark.feature(Feature.COMPETING)
def test_consumers_of_one_group_share(lab: Lab) -> None:
    trial = lab.trial({"a": 2}, partitions=4)
    one, two = trial.sink("a", 0), trial.sink("a", 1)
    source = trial.source()
    trial.ready()
    for _ in range(20):  # whoever asks first may get all there is, but not for ever
        trial.send(source, COUNT)
        trial.settle_down()
        if one.got and two.got:
            break
    assert trial.received("a") == {(0, sequence): 1 for sequence in source.taken}
    assert one.got, "one consumer got all"
    assert two.got, "one consumer got all"


def test_ready_means_the_next_message_arrives(lab: Lab) -> None:
    """Sent as soon as `consumer()` has returned, by a producer that is long connected: often, because it is a race."""
    trial = lab.trial()
    source = trial.source()
    for number in range(2 if Feature.SETTLE in trial.features else 25):
        trial.sink()
        trial.ready()
        trial.send(source, 1)
        until(lambda: number in trial.sinks[0].of(), "the next message", trial.turn)  # noqa: B023
        trial.connections.pop().close()
        trial.sinks.clear()


def test_receive_returns_at_the_first_message(lab: Lab) -> None:
    """One message, and a wait far longer than the test may take: who fills a batch first would never come back."""
    trial = lab.trial()
    sink = trial.sink()
    source = trial.source()
    trial.ready()
    until(lambda: sink.pull(0.05).count == 0, "canaries drained")
    trial.sinks.clear()  # so that only this receive can bring it
    trial.send(source, 1)
    if Feature.CONFIRMS in trial.features:
        until(lambda: not source.unanswered, "confirmed", lambda: source.confirms(0.01))
    until(lambda: sink.pull(600.0).count > 0 and bool(sink.got), "one message")  # after a canary that was late
    assert sink.of() == [0]


def test_receive_is_empty_when_nothing_comes(lab: Lab) -> None:
    trial = lab.trial()
    sink = trial.sink()
    trial.source()
    trial.ready()
    until(lambda: sink.pull(0.02).count == 0, "a receive that brings nothing, after the last canary")
    assert not sink.got


@pytest.mark.feature(Feature.ORDER_PER_KEY)
def test_each_key_keeps_its_order(lab: Lab) -> None:
    trial = lab.trial({"a": 2}, partitions=4, keys=True)
    sinks = [trial.sink("a", 0), trial.sink("a", 1)]
    source = trial.source()
    names = [b"key-%d" % number for number in range(16)]

    def sent() -> bool:
        at = len(source.taken)
        source.offer([64] * 16, names[at % 16 :] + names[: at % 16])
        trial.turn()
        return len(source.taken) >= 1600

    until(sent, "1600 messages with keys")
    trial.settle_down()
    for sink in sinks:
        for key in range(16):
            mine = [sequence for sequence in sink.of() if sequence % 16 == key]
            assert mine == sorted(mine)
    keys = [{sequence % 16 for sequence in sink.of()} for sink in sinks]
    assert not keys[0] & keys[1], "one key went to two consumers"
