"""The plan is a value: the same seed gives the same one, and who cannot take part is named with the reason."""

import json
from collections import Counter
from pathlib import Path

import pytest

import brokerbench_drivers
from brokerbench.contract import Endpoints
from brokerbench.engine.bodies import POOL_BYTES, Bodies
from brokerbench.engine.cast import cast
from brokerbench.engine.planner import make_plan
from brokerbench.engine.spec import ChildSpec
from brokerbench.model import (
    Broker,
    Delivery,
    Group,
    Guarantee,
    Having,
    Need,
    Proof,
    Role,
    ServerKind,
    ServerSpec,
    Topology,
    TrialKind,
)
from brokerbench.model.versions import holds
from brokerbench.stamp import CANARY
from tests.support.running import scenario

NULL, PUSH = Broker(driver="null"), Broker(driver="zeromq")


def planned(brokers, seed=1, **asked):
    made = scenario(brokers, **asked)
    drivers = {b.driver: brokerbench_drivers.load(b.driver) for b in brokers.values()}
    return make_plan(made, drivers, seed)


def test_each_candidate_once_in_each_block_in_random_order():
    plan = planned({"a": NULL, "b": NULL, "c": PUSH}, blocks=40)
    assert len(plan.trials) == len({t.id for t in plan.trials}) == 120
    for block in range(1, 41):
        mine = [t for t in plan.trials if t.block == block]
        assert sorted(t.candidate for t in mine) == ["a", "b", "c"]
        assert [t.order for t in mine] == [1, 2, 3]
    assert len(Counter(tuple(t.candidate for t in plan.trials if t.block == b) for b in range(1, 41))) == 6


def test_tags_tell_trials_apart_and_none_is_a_canarys():
    tags = [t.tag for t in planned({"a": NULL, "b": NULL}, blocks=200).trials]
    assert len(set(tags)) == len(tags) == 400
    assert all(0 < tag < CANARY for tag in tags)


def test_the_seed_decides():
    ours, again, other = (planned({"a": NULL, "b": NULL}, seed, blocks=20).trials for seed in (7, 7, 8))
    assert ours == again
    assert [t.candidate for t in ours] != [t.candidate for t in other]


def test_the_blocks_of_a_second_look_are_in_the_plan_and_a_smoke_run_has_none():
    made = scenario({"a": NULL, "b": NULL}, blocks=2, look_again=5)
    drivers = {"null": brokerbench_drivers.load("null")}
    plan, smoke = make_plan(made, drivers, 1), make_plan(made, drivers, 1, smoke=True)
    assert [t.block for t in plan.trials if t.kind is TrialKind.PLANNED] == [1, 1, 2, 2]
    assert [t.block for t in plan.trials if t.kind is TrialKind.SECOND_LOOK] == [3, 3, 4, 4, 5, 5]
    assert len({t.tag for t in plan.trials}) == 10
    assert plan.looks == (2, 5)
    assert smoke.looks is None
    assert [t.kind for t in smoke.trials] == [TrialKind.PLANNED] * 4


def test_a_plan_stays_what_it_was():
    """Written down once: a seed from an old run.json gives the same trials."""
    trials = planned({"a": NULL, "b": NULL}, seed=7, blocks=2).trials
    assert [(t.id, t.seed, t.tag) for t in trials] == [
        ("b01-1-a", 3527346212, 12938),
        ("b01-2-b", 2301595691, 4944),
        ("b02-1-a", 2503055453, 31060),
        ("b02-2-b", 249103477, 10612),
    ]


@pytest.mark.parametrize(
    ("broker", "asked", "why"),
    [
        (NULL, {"producers": 2}, "one producer"),
        (NULL, {"guarantee": Guarantee.AT_LEAST_ONCE}, "guarantee: at-most-once"),
        (NULL.model_copy(update={"client": "other"}), {}, "has no client 'other'; it has ring"),
        (
            NULL.model_copy(update={"server": ServerSpec(kind=ServerKind.COMPOSE)}),
            {},
            "has no compose server; it has embedded",
        ),
        (NULL.model_copy(update={"server": ServerSpec(kind=ServerKind.EXTERNAL)}), {}, "needs a url"),
        (NULL.model_copy(update={"url": "null://here"}), {}, "takes no url"),
        (PUSH, {"producers": 20, "groups": {"all": Group(consumers=20)}}, "40 producers and consumers"),
        (
            PUSH,
            {"groups": {"all": Group(ack_every=10)}},
            "nothing is settled here, and group all is to settle every 10",
        ),
        (PUSH, {"groups": {"a": Group(requeue="1%", reject="2%")}}, "leave requeue and reject of group a out"),
        (
            Broker(driver="nats"),
            {"groups": {"a": Group(reject="2%", dead_letter=True)}, "guarantee": Guarantee.AT_LEAST_ONCE},
            "dead_letter of group a: NATS has no queue for what is rejected, or none that its driver makes and counts",
        ),
        (
            Broker(driver="rabbitmq", settings={"auto_ack": False, "max_length": 100, "overflow": "drop-head"}),
            {"groups": {"a": Group(reject="2%", dead_letter=True)}, "guarantee": Guarantee.AT_MOST_ONCE},
            "dead_letter of group a: with these settings no queue of RabbitMQ takes what is rejected, and that alone",
        ),
    ],
)
def test_who_cannot_take_part_is_told_why(broker, asked, why):
    plan = planned({"it": broker}, **asked)
    assert plan.trials == ()
    assert why in str(plan.candidate("it").excluded)


def test_a_floor_is_exempt_from_the_promise():
    plan = planned({"it": NULL.model_copy(update={"role": Role.FLOOR})}, guarantee=Guarantee.AT_LEAST_ONCE)
    candidate = plan.candidate("it")
    assert candidate.excluded is None
    assert candidate.promise is not None
    assert candidate.promise.guarantee is Guarantee.AT_MOST_ONCE  # what it gives, not what was asked


def test_each_candidate_is_asked_its_own():
    jet = Broker(driver="nats")
    own = {"topology": Topology(groups={"all": Group(prefetch=2)}), "delivery": Delivery(in_flight=1)}
    plan = planned({"a": jet, "b": jet.model_copy(update=own)}, guarantee=Guarantee.AT_LEAST_ONCE)
    driver, endpoints = brokerbench_drivers.load("nats"), Endpoints({}, "x", {"all": "x"})
    told = []
    for name in ("a", "b"):
        candidate, asked = plan.candidate(name), plan.scenario.of(name)
        assert candidate.promise is not None
        specs = cast(asked, candidate, driver, "nats", [endpoints], tag=1, seed=1, ledger=Path())
        told.append((specs["producer"][0].in_flight, specs["consumer"][0].prefetch))
        assert candidate.promise.settings["max_ack_pending"] == {"all": asked.topology.groups["all"].prefetch}
    assert told == [(1000, 500), (1, 2)]


def test_headers_come_to_each_session_of_who_can_carry_them_and_exclude_who_cannot():
    headers = {"tenant": "acme", "trace-id": "00-4bf9"}
    brokers = {
        "nats": Broker(driver="nats"),
        "push": PUSH,
        "list": Broker(driver="redis", settings={"structure": "list"}),
        "old": Broker(driver="mqtt", settings={"protocol": "3.1.1"}),
    }
    plan = planned(brokers, headers=headers)
    for name in ("push", "list", "old"):
        assert "no headers with these settings: leave message.headers out" in (plan.candidate(name).excluded or "")
    driver, endpoints = brokerbench_drivers.load("nats"), Endpoints({}, "x", {"all": "x"}, extra={"deliver": {}})
    specs = cast(plan.scenario, plan.candidate("nats"), driver, "nats", [endpoints], tag=1, seed=1, ledger=Path())
    for spec in (*specs["producer"], *specs["consumer"]):
        told = ChildSpec(**json.loads(json.dumps(spec.as_json())))
        assert told.session(None).headers == headers
    assert plan.scenario.message.text.endswith(", no keys, 2 headers (tenant, trace-id; 25 B)")


@pytest.mark.parametrize(
    ("driver", "name", "settings"),
    [
        ("nats", "Nats-Msg-Id", {}),
        ("nats", "Status", {"mode": "core"}),
        ("rabbitmq", "CC", {}),
        ("activemq", "receipt", {}),
        ("activemq", "JMSXGroupID", {}),
    ],
)
def test_a_header_that_a_broker_takes_for_its_own_excludes_it(driver, name, settings):
    plan = planned({"it": Broker(driver=driver, settings=settings)}, headers={"tenant": "acme", name: "x"})
    assert f"takes a header {name} for a word of its own" in (plan.candidate("it").excluded or "")


def test_bodies_differ_and_are_found_again():
    bodies, again = Bodies(3, 1000), Bodies(3, 1000)
    assert bodies.rows * 1000 >= POOL_BYTES
    rows = {bodies.block(0, s, 1).tobytes() for s in range(2000)}
    assert len(rows) == 2000
    for producer, sequence in ((0, 0), (1, 5), (31, 2**32 - 1), (2, bodies.rows - 1)):
        row = bodies.block(producer, sequence, 1)[0]
        assert again.same(producer, sequence, row.tobytes())
        assert not again.same(producer, sequence + 1, row.tobytes())
        assert not Bodies(4, 1000).same(producer, sequence, row.tobytes())


def test_a_block_ends_where_the_pool_does():
    bodies = Bodies(3, 1000)
    last = bodies.rows - 3
    assert len(bodies.block(0, last, 100)) == 3
    assert bodies.block(0, last, 100)[2].tobytes() == bodies.block(0, bodies.rows - 1, 1)[0].tobytes()
    assert len(bodies.block(0, bodies.rows, 100)) == 100


@pytest.mark.parametrize(
    ("asked", "version", "answer"),
    [
        ("3", "3.10.8", True),
        ("3", "30.1", False),
        ("3.10", "3", None),
        (">=4.1", "4", None),
        (">=4.1", "4.2.0", True),
        (">=4", "4.0.5", True),
        ("<4", "3.13.7", True),
        ("<4", "4", False),
        (">=7.4, <8", "7.4.2", True),
        (">=7.4, <8", "8.0", False),
        ("<9", None, None),
    ],
)
def test_which_versions_a_line_speaks_of(asked, version, answer):
    assert holds(asked, version) is answer


def needing(*needs, broker):
    made = scenario({"it": broker}).model_copy(update={"needs": tuple(Need.model_validate(each) for each in needs)})
    return make_plan(made, {broker.driver: brokerbench_drivers.load(broker.driver)}, 1).candidate("it")


def test_a_need_is_met_by_what_the_driver_declares_and_by_a_line_with_its_page():
    candidate = needing("order", "licence: open-source", broker=PUSH)
    assert candidate.excluded is None
    order, licence = candidate.needs
    assert (order.having, order.proof) == (Having.MET, Proof.CONFORMANCE)
    assert licence.having is Having.NOT_KNOWN  # it hangs on the version, which only the library tells
    assert {line.about for line in candidate.qualities} >= {"order", "replay", "licence"}


def test_who_does_not_meet_a_need_is_excluded_with_what_it_lacks():
    candidate = needing("replay", "settle", broker=PUSH)
    assert candidate.excluded == (
        "does not have what the scenario needs: replay (no broker: nothing is stored); settle (nothing is acknowledged)"
    )
    assert candidate.promise is not None
    assert [each.having for each in candidate.needs] == [Having.NOT_MET, Having.NOT_MET]


def test_a_need_that_nobody_knows_of_does_not_exclude():
    candidate = needing("dead-letter", broker=NULL)
    assert candidate.excluded is None
    assert [(each.having, each.says) for each in candidate.needs] == [
        (Having.NOT_KNOWN, "nothing is recorded about it")
    ]


def test_a_floor_is_exempt_from_needs_and_still_says_what_it_has():
    candidate = needing("replay", broker=PUSH.model_copy(update={"role": Role.FLOOR}))
    assert candidate.excluded is None
    assert [each.having for each in candidate.needs] == [Having.NOT_MET]
