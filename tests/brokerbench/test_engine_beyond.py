"""Which trials follow from others: decided as values, without a process."""

from dataclasses import replace

import pytest

import brokerbench_drivers
from brokerbench.engine.beyond import NO_BLOCK, Extras, near_limit, with_one_more
from brokerbench.engine.planner import Excluded, make_plan
from brokerbench.engine.trial import Outcome
from brokerbench.model import Broker, Group, Plan, TrialKind
from tests.support.running import scenario

NULL, PUSH = Broker(driver="null"), Broker(driver="zeromq", settings={"pattern": "push-pull"})
DONE = Outcome("finished", None)


def planned(brokers: dict[str, Broker], seed: int = 1, **asked: object) -> Plan:
    made = scenario(brokers, rate=None, **asked)  # type: ignore[arg-type]
    return make_plan(made, {b.driver: brokerbench_drivers.load(b.driver) for b in brokers.values()}, seed)


def test_a_trial_is_made_again_twice_at_most_at_the_end_of_its_block() -> None:
    plan = planned({"a": NULL, "b": NULL}, blocks=2)
    extras, trial = Extras(plan), plan.trials[0]
    again = extras.repeat(trial)
    assert again is not None
    twice = extras.repeat(again)
    assert twice is not None
    assert extras.repeat(twice) is None
    assert [again.id, twice.id] == [f"{trial.id}-again1", f"{trial.id}-again2"]
    assert [again.repeats, twice.repeats] == [trial.id, again.id]  # each stands in for the one before it
    assert [(t.block, t.order, t.candidate, t.kind) for t in (again, twice)] == [
        (1, 3, trial.candidate, TrialKind.REPEAT),
        (1, 4, trial.candidate, TrialKind.REPEAT),
    ]


def test_what_is_added_has_its_own_tag_and_a_seed_that_stays() -> None:
    def added(seed: int) -> list[tuple[int, int]]:
        plan = planned({"a": NULL, "b": NULL}, seed, blocks=100)
        extras = Extras(plan)
        trials = [*filter(None, map(extras.repeat, plan.trials)), extras.probe("a"), extras.probe("b")]
        tags = [trial.tag for trial in (*plan.trials, *trials)]
        assert len(set(tags)) == len(tags) == 402
        return [(trial.seed, trial.tag) for trial in trials]

    assert added(7) == added(7)
    assert added(7) != added(8)


def test_a_probe_belongs_to_no_block() -> None:
    plan = planned({"a": NULL})
    probe = Extras(plan).probe("a")
    assert (probe.id, probe.block, probe.kind, probe.repeats) == ("probe-a", NO_BLOCK, TrialKind.PROBE, None)


@pytest.mark.parametrize(
    ("outcomes", "ceiling", "why"),
    [
        ([], None, None),
        ([DONE], {"producers_msgs_s": 1000.0, "consumers_msgs_s": 1000.0}, None),
        ([replace(DONE, busy_share=0.7)], None, None),
        ([replace(DONE, busy_share=0.2), replace(DONE, busy_share=0.71)], None, "busy 71%"),
        ([replace(DONE, sent_msgs_s=800.0)], None, None),
        ([replace(DONE, sent_msgs_s=700.0)], {"producers_msgs_s": 1000.0}, None),
        ([replace(DONE, sent_msgs_s=710.0)], {"producers_msgs_s": 1000.0}, "the producers did 71%"),
        ([replace(DONE, delivered_msgs_s=900.0)], {"consumers_msgs_s": None}, None),
        ([replace(DONE, delivered_msgs_s=900.0)], {"consumers_msgs_s": 1000.0}, "the consumers did 90%"),
    ],
)
def test_whose_limit_it_may_be(outcomes: list[Outcome], ceiling: dict[str, float | None], why: str | None) -> None:
    found = near_limit(outcomes, ceiling)
    assert found is None if why is None else why in str(found)


def test_one_more_worker_on_each_side() -> None:
    plan = planned({"it": PUSH, "other": PUSH}, producers=2, groups={"all": Group(consumers=3, prefetch=7)})
    wider = with_one_more(plan, "it", brokerbench_drivers.load("zeromq"))
    assert wider.scenario.topology.producers == 3
    assert wider.scenario.topology.groups == {"all": Group(consumers=4, prefetch=7)}
    assert plan.scenario.topology.producers == 2
    assert (wider.trials, wider.candidate("other")) == (plan.trials, plan.candidate("other"))


@pytest.mark.parametrize(
    ("broker", "consumers", "why"), [(NULL, 1, "one ring"), (PUSH, 30, "33 producers and consumers")]
)
def test_who_cannot_take_one_more_says_why(broker: Broker, consumers: int, why: str) -> None:
    plan = planned({"it": broker}, groups={"all": Group(consumers=consumers)})
    assert plan.candidate("it").excluded is None
    with pytest.raises(Excluded, match=why):
        with_one_more(plan, "it", brokerbench_drivers.load(broker.driver))
