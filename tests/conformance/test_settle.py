"""What is not settled comes back; what is settled does not."""

import pytest

from brokerbench.contract import Deliveries, Feature, Rewinding, Settle
from tests.conformance.dying import Holder
from tests.conformance.lab import Lab, Sink, Source, Trial, until

COUNT = 40


def _published(lab: Lab, *, again: bool = False) -> Trial:
    """A destination with COUNT confirmed messages and no consumer yet."""
    trial = lab.trial(again=again)
    trial.send(trial.source(), COUNT)
    until(lambda: not trial.sources[0].unanswered, "all confirmed", trial.turn)
    return trial


def _all_came(lab: Lab, sink: Sink) -> None:
    whole = set(range(COUNT))
    again_s = lab.case.flavour.again_s
    until(lambda: set(sink.of()) == whole, "all of them", lambda: sink.pull(0.05), deadline_s=again_s)


@pytest.mark.feature(Feature.SETTLE)
def test_unsettled_come_again_after_close(lab: Lab) -> None:
    trial = _published(lab, again=True)
    first = trial.sink()
    until(lambda: len(set(first.of())) == COUNT, "all of them, none settled", lambda: first.pull(0.05, settle=None))
    trial.connections.pop().close()
    trial.sinks.clear()
    _all_came(lab, trial.sink())


@pytest.mark.feature(Feature.SETTLE)
def test_unsettled_come_again_after_a_crash(lab: Lab) -> None:
    """The consumer's process is killed while it holds them."""
    trial = _published(lab, again=True)
    with Holder(lab.case.driver_name, trial.session(0, "a"), COUNT) as holder:
        holder.wait_until_it_holds()
        holder.kill()
        second = trial.sink()
        _all_came(lab, second)
    if Feature.REDELIVERED_FLAG in trial.features:
        assert all(again for _, _, again in second.got), "they come again, so each must say so"


@pytest.mark.feature(Feature.REDELIVERED_FLAG)
def test_the_first_delivery_is_not_flagged(lab: Lab) -> None:
    trial = _published(lab)
    sink = trial.sink()
    _all_came(lab, sink)
    assert not any(again for _, _, again in sink.got)


@pytest.mark.without(Feature.REDELIVERED_FLAG)
def test_no_flag_where_none_is_declared(lab: Lab) -> None:
    assert all(deliveries.redelivered is None for deliveries in _five_come(lab.trial()))


@pytest.mark.without(Feature.SETTLE)
def test_no_tokens_where_nothing_is_settled(lab: Lab) -> None:
    assert all(deliveries.tokens is None for deliveries in _five_come(lab.trial()))


def _five_come(trial: Trial) -> list[Deliveries]:
    """All that was received until five messages had come."""
    sink = trial.sink()
    trial.send(_ready_source(trial), 5)
    seen: list[Deliveries] = []

    def move() -> None:
        trial.sources[0].confirms()  # a producer that is never called need not finish what it has begun
        seen.append(sink.pull(0.05))

    until(lambda: len(sink.got) == 5, "five messages", move)
    return seen


def _ready_source(trial: Trial) -> Source:
    source = trial.source()
    trial.ready()
    until(lambda: trial.sinks[0].pull(0.05).count == 0, "canaries drained")
    trial.sinks.clear()  # the test pulls for itself
    return source


@pytest.mark.feature(Feature.SETTLE)
@pytest.mark.flavour("requeue")
def test_requeue_brings_it_again(lab: Lab) -> None:
    trial = _published(lab)
    sink = trial.sink()
    until(lambda: sink.pull(0.05, settle=Settle.REQUEUE).count > 0, "the first of them")
    returned = {sequence for _, sequence, _ in sink.got}
    sink.got.clear()
    _all_came(lab, sink)
    assert returned <= set(sink.of())
    if Feature.REDELIVERED_FLAG in trial.features:
        assert {sequence for _, sequence, again in sink.got if again} >= returned


@pytest.mark.feature(Feature.REQUEUE)
def test_neighbours_may_fare_differently(lab: Lab) -> None:
    """Of what came together some are settled, some given back, some rejected: only those given back come again."""
    assert lab.case.flavour.requeue
    trial = _published(lab)
    sink = trial.sink()
    until(lambda: len(sink.got) == COUNT, "all of them, none settled", lambda: sink.pull(0.05, settle=None))
    tokens = [token for some in sink.kept for token in some]
    returned = {sequence for _, sequence, _ in sink.got[1::3]}
    for first, how in enumerate((Settle.ACCEPT, Settle.REQUEUE, Settle.REJECT)):
        sink.consumer.settle(tokens[first::3], how)
    sink.got.clear()
    until(lambda: set(sink.of()) >= returned, "those given back", lambda: sink.pull(0.05))
    trial.send(trial.sources[0], 1)
    until(lambda: COUNT in sink.of(), "a message sent afterwards", lambda: sink.pull(0.05))
    assert sorted(sink.of()) == [*sorted(returned), COUNT]


@pytest.mark.feature(Feature.REPLAY)
def test_what_was_consumed_can_be_read_again(lab: Lab) -> None:
    trial = _published(lab)
    _all_came(lab, trial.sink())
    trial.connections.pop().close()
    trial.sinks.clear()
    assert isinstance(trial.admin, Rewinding), "Feature.REPLAY is declared: its admin can rewind"
    trial.admin.rewind(trial.endpoints, "a")
    again = trial.sink()
    _all_came(lab, again)
    assert again.of() == list(range(COUNT))


@pytest.mark.feature(Feature.SETTLE)
def test_settled_do_not_come_again(lab: Lab) -> None:
    trial = _published(lab, again=True)  # so that what was not settled shows soon
    first = trial.sink()
    _all_came(lab, first)
    trial.connections.pop().close()
    trial.sinks.clear()
    second = trial.sink()
    marker = COUNT
    trial.sinks.clear()
    trial.send(trial.sources[0], 1)
    until(lambda: marker in second.of(), "a message sent afterwards", lambda: second.pull(0.05))
    if Feature.COUNTERS in trial.features:  # what is only waiting for its time to come again shows here
        counters = trial.admin.counters
        until(lambda: counters(trial.endpoints).stored in (0, None), "none stored", lambda: second.pull(0.05))
    assert set(second.of()) == {marker}


@pytest.mark.feature(Feature.SETTLE)
@pytest.mark.flavour("requeue")
def test_rejected_do_not_come_again(lab: Lab) -> None:
    trial = _published(lab)
    sink = trial.sink()
    until(lambda: len(sink.got) >= COUNT, "all of them", lambda: sink.pull(0.05, settle=Settle.REJECT))
    trial.send(trial.sources[0], 1)
    until(lambda: COUNT in sink.of(), "a message sent afterwards", lambda: sink.pull(0.05))
    assert sorted(sink.of()) == list(range(COUNT + 1))


@pytest.mark.feature(Feature.SETTLE)
@pytest.mark.flavour("prefetch_bounds")
def test_prefetch_bounds_what_is_unsettled(lab: Lab) -> None:
    """With nothing settled no more than `prefetch` come; then the rest does."""
    trial = lab.trial(prefetch=10)
    trial.send(trial.source(), COUNT)
    sink = trial.sink()
    until(lambda: len(sink.got) == 10, "as many as prefetch says", lambda: sink.pull(0.05, settle=None))
    assert sink.consumer.receive(0.2).count == 0
    for tokens in sink.kept:
        sink.consumer.settle(tokens, Settle.ACCEPT)
    _all_came(lab, sink)
