"""The broker's answers: each message once, and never more in flight than was asked."""

import numpy as np
import pytest

from brokerbench.contract import Fate, Feature
from tests.conformance.conftest import Servers
from tests.conformance.lab import Lab, until


@pytest.mark.feature(Feature.CONFIRMS)
def test_each_message_is_confirmed_once(lab: Lab) -> None:
    trial = lab.trial(in_flight=300)
    trial.sink()
    source = trial.source()
    trial.send(source, 3000)  # ranges, ordinals and room are checked at every call
    trial.settle_down()
    source.confirms(0.01)  # nothing is left to answer: it comes back all the same, and with none twice
    assert len(source.answered) == 3000
    assert np.all(source.answered == Fate.CONFIRMED.value)


@pytest.mark.feature(Feature.CONFIRMS)
@pytest.mark.parametrize("in_flight", [1, 7])
def test_in_flight_is_kept(lab: Lab, in_flight: int) -> None:
    trial = lab.trial(in_flight=in_flight)
    source = trial.source()
    for _ in range(10):
        before = len(source.taken)
        took = source.offer([64] * 50)
        assert took <= in_flight
        assert source.producer.room() <= in_flight - source.unanswered
        until(lambda: not source.unanswered, "all confirmed", lambda: source.confirms(0.01))
        assert len(source.taken) == before + took
    assert source.taken, "nothing was taken"


@pytest.mark.feature(Feature.CONFIRMS)
def test_confirms_come_without_another_send(lab: Lab) -> None:
    """A client that batches its confirms must still answer the last message."""
    trial = lab.trial()
    source = trial.source()
    until(lambda: source.offer([64]) == 1, "one message taken")
    until(lambda: not source.unanswered, "its confirm", lambda: source.confirms(0.05))
    assert source.confirmed == [0]


@pytest.mark.brokered
@pytest.mark.feature(Feature.CONFIRMS)
def test_only_the_broker_confirms(lab: Lab, servers: Servers) -> None:
    """While its processes stand still nothing is confirmed; afterwards all of it is."""
    trial = lab.trial()
    source = trial.source()
    trial.send(source, 10)
    until(lambda: not source.unanswered, "all confirmed", lambda: source.confirms(0.01))
    with servers.stopped():
        source.offer([64] * 10)
        for _ in range(5):
            source.confirms(0.05)
        assert not source.answered[10:].any(), "confirmed before the broker has it"
    until(lambda: not source.unanswered, "all confirmed", lambda: source.confirms(0.01))
    assert len(source.taken) > 10, "nothing was taken"


@pytest.mark.without(Feature.CONFIRMS)
def test_nothing_is_confirmed(lab: Lab) -> None:
    trial = lab.trial()
    trial.sink()
    source = trial.source()
    trial.ready()
    trial.send(source, 500)
    trial.settle_down()
    assert len(source.producer.confirms(0.01)) == 0
    assert not source.answered.any()
