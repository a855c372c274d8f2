"""What the scenario's words become, and what is refused, in words that say what to use instead."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from brokerbench.contract import CannotPromise, Endpoints, Feature, Session
from brokerbench.model import (
    Broker,
    Delivery,
    Group,
    Guarantee,
    Keys,
    Load,
    LoadModel,
    Message,
    Promise,
    PromisePoint,
    Scenario,
    Stage,
    Survives,
    Topology,
)
from brokerbench_drivers.rabbitmq import DRIVER
from brokerbench_drivers.rabbitmq.address import node_of

ONCE, LEAST = Guarantee.AT_MOST_ONCE, Guarantee.AT_LEAST_ONCE


def scenario(groups: int = 1, partitions: int = 1, keys: Keys | None = None, consumers: int = 1) -> Scenario:
    return Scenario(
        scenario="words",
        brokers={"it": Broker(driver="rabbitmq")},
        topology=Topology(partitions=partitions, groups={f"g{i}": Group(consumers=consumers) for i in range(groups)}),
        message=Message(size="100B", keys=keys),
        load=Load(model=LoadModel.SATURATE, stages=(Stage(steady="1s"),)),
    )


def promised(
    guarantee: Guarantee, survives: Survives, question: Scenario | None = None, nodes: int = 1, **settings: Any
) -> Promise:
    delivery = Delivery(guarantee=guarantee, survives=survives)
    return DRIVER.promise(DRIVER.Settings(**settings), delivery, question or scenario(), nodes)


@pytest.mark.parametrize(
    ("settings", "asked", "given", "persistent"),
    [
        ({}, Survives.NOTHING, Survives.CLIENT_CRASH, False),
        ({}, Survives.CLIENT_CRASH, Survives.CLIENT_CRASH, False),
        ({}, Survives.BROKER_KILL, Survives.BROKER_KILL, True),
        ({"persistent": True}, Survives.NOTHING, Survives.BROKER_KILL, True),
        ({"queue_type": "quorum"}, Survives.NOTHING, Survives.POWER_LOSS, True),
        ({"queue_type": "quorum"}, Survives.POWER_LOSS, Survives.POWER_LOSS, True),
        ({"queue_type": "quorum", "persistent": False}, Survives.POWER_LOSS, Survives.POWER_LOSS, False),
        ({"queue_type": "stream"}, Survives.BROKER_KILL, Survives.BROKER_KILL, True),
        ({"max_length": "10k"}, Survives.BROKER_KILL, Survives.BROKER_KILL, True),
        ({"mirrored": True}, Survives.NOTHING, Survives.CLIENT_CRASH, False),
    ],
)
def test_at_least_once(settings: dict[str, Any], asked: Survives, given: Survives, persistent: bool) -> None:
    promise = promised(LEAST, asked, **settings)
    assert (promise.guarantee, promise.point, promise.survives) == (LEAST, PromisePoint.CONFIRMED, given)
    used = DRIVER.Settings.from_base(promise.settings)
    assert (used.confirms, used.auto_ack, used.persistent) == (True, False, persistent)
    assert Feature.CONFIRMS in DRIVER.features(used)


def test_at_most_once_has_no_confirms_and_no_acknowledgements() -> None:
    promise = promised(ONCE, Survives.NOTHING)
    assert (promise.guarantee, promise.point, promise.survives) == (ONCE, PromisePoint.HANDED_OVER, Survives.NOTHING)
    used = DRIVER.Settings.from_base(promise.settings)
    assert (used.confirms, used.auto_ack) == (False, True)
    assert not DRIVER.features(used) & {Feature.CONFIRMS, Feature.SETTLE, Feature.DURABLE}


@pytest.mark.parametrize(
    ("guarantee", "survives", "settings", "says"),
    [
        (LEAST, Survives.POWER_LOSS, {}, "use queue_type: quorum, or survives: broker-kill"),
        (LEAST, Survives.NODE_LOSS, {"queue_type": "quorum"}, "tolerates no loss: use server: {nodes: 3}"),
        (LEAST, Survives.NODE_LOSS, {}, "lives on one node: use queue_type: quorum with server: {nodes: 3}"),
        (LEAST, Survives.NODE_LOSS, {"mirrored": True}, "one node has no mirror: use server: {nodes: 2}"),
        (LEAST, Survives.POWER_LOSS, {"queue_type": "stream"}, "before fsync .*: use queue_type: quorum"),
        (LEAST, Survives.NOTHING, {"queue_type": "quorum", "mirrored": True}, "leave mirrored: true out"),
        (LEAST, Survives.NOTHING, {"overflow": "drop-head", "max_length": 9}, "use overflow: reject-publish"),
        (ONCE, Survives.NOTHING, {"overflow": "drop-head"}, "give max_length: 10k"),
        (ONCE, Survives.NOTHING, {"offset": "next"}, "use queue_type: stream"),
        (LEAST, Survives.NOTHING, {"queue_type": "stream", "offset": "next"}, "use offset: first"),
        (LEAST, Survives.NOTHING, {"queue_type": "stream", "auto_ack": True}, "leave auto_ack: true out"),
        (LEAST, Survives.NOTHING, {"queue_type": "stream", "max_length": 9}, "use queue_type: quorum or classic"),
        (LEAST, Survives.BROKER_KILL, {"persistent": False}, "leave persistent out, or use survives: client-crash"),
        (LEAST, Survives.NOTHING, {"confirms": False}, "leave confirms out, or ask guarantee: at-most-once"),
        (LEAST, Survives.NOTHING, {"auto_ack": True}, "leave auto_ack out, or ask guarantee: at-most-once"),
        (ONCE, Survives.CLIENT_CRASH, {}, "use guarantee: at-least-once, or survives: nothing"),
    ],
)
def test_what_cannot_be_promised_says_what_can(
    guarantee: Guarantee, survives: Survives, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(CannotPromise, match=says) as raised:
        promised(guarantee, survives, **settings)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "nodes", "given"),
    [
        ({"queue_type": "quorum"}, 3, Survives.NODE_LOSS),
        ({"queue_type": "stream"}, 3, Survives.NODE_LOSS),
        ({"mirrored": True}, 2, Survives.NODE_LOSS),
        ({"queue_type": "quorum"}, 2, None),
        ({"queue_type": "stream"}, 2, None),
        ({}, 3, None),
    ],
)
def test_the_loss_of_a_node_takes_a_majority_or_a_mirror(
    settings: dict[str, Any], nodes: int, given: Survives | None
) -> None:
    if given is None:
        with pytest.raises(CannotPromise, match=r"server: \{nodes: 3\}"):
            promised(LEAST, Survives.NODE_LOSS, nodes=nodes, **settings)
    else:
        assert promised(LEAST, Survives.NODE_LOSS, nodes=nodes, **settings).survives is given


def test_copies_without_fsync_do_not_outlive_the_power() -> None:
    """Three copies on machines that all lose it: node-loss is promised where it is asked, and power-loss never."""
    assert promised(LEAST, Survives.NOTHING, nodes=3, queue_type="stream").survives is Survives.BROKER_KILL
    with pytest.raises(CannotPromise):
        promised(LEAST, Survives.POWER_LOSS, nodes=3, queue_type="stream")


def test_a_full_queue_refuses_or_drops_as_the_guarantee_allows() -> None:
    assert promised(LEAST, Survives.NOTHING, max_length=9).settings["overflow"] == "reject-publish"
    dropping = promised(ONCE, Survives.NOTHING, max_length=9, confirms=True)
    assert (dropping.settings["overflow"], dropping.survives) == ("drop-head", Survives.NOTHING)
    assert promised(ONCE, Survives.NOTHING).settings["overflow"] is None


def test_each_group_reads_the_one_stream_and_has_one_consumer() -> None:
    two = promised(LEAST, Survives.NOTHING, scenario(groups=2), queue_type="stream")
    assert two.settings["exchange"] == "default"
    assert "groups: 2 -> one stream behind the default exchange, which each of them reads" in two.notes
    with pytest.raises(CannotPromise, match="group g0 has 2: use consumers: 1"):
        promised(LEAST, Survives.NOTHING, scenario(consumers=2), queue_type="stream")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"queue_type": "quorum"}, "rstream reads no quorum queue: use queue_type: stream"),
        ({"queue_type": "stream", "exchange": "fanout"}, "leave exchange out"),
    ],
)
def test_rstream_is_for_streams_alone(settings: dict[str, Any], says: str) -> None:
    assert says in DRIVER.refusal("rstream", DRIVER.Settings(**settings))
    assert not DRIVER.refusal("pika", DRIVER.Settings(**settings))
    assert not DRIVER.refusal("rstream", DRIVER.Settings(queue_type="stream"))


def test_the_default_exchange_serves_one_group_and_fanout_several() -> None:
    assert promised(LEAST, Survives.NOTHING).settings["exchange"] == "default"
    two = promised(LEAST, Survives.NOTHING, scenario(groups=2))
    assert two.settings["exchange"] == "fanout"
    assert "groups: 2 -> 2 durable classic queues behind a fanout exchange" in two.notes
    with pytest.raises(CannotPromise, match="use exchange: fanout"):
        promised(LEAST, Survives.NOTHING, scenario(groups=2), exchange="default")
    assert promised(LEAST, Survives.NOTHING, scenario(groups=2), exchange="direct").settings["exchange"] == "direct"


def test_what_a_queue_does_not_have_is_noted() -> None:
    notes = promised(LEAST, Survives.NOTHING, scenario(partitions=8, keys=Keys(cardinality=4))).notes
    assert "partitions: 8 -> ignored: a queue has no partitions" in notes
    assert "keys -> ignored: a queue keeps one order for all keys" in notes


@pytest.mark.parametrize("wrong", [{"queue_type": "lazy"}, {"exchange": "topic"}, {"vhost": ""}, {"prefetch": 3}])
def test_settings_that_do_not_exist_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DRIVER.Settings(**wrong)


def test_an_url_gives_the_address_that_a_recipe_would() -> None:
    assert DRIVER.address("amqp://me:p%40ss@broker.example:5673/my%2Fhost?management_port=8080") == {
        "host": "broker.example",
        "port": 5673,
        "management_port": 8080,
        "user": "me",
        "password": "p@ss",
        "vhost": "my/host",
    }
    for url in ("amqp://broker.example", "amqp://broker.example/", "amqp://broker.example/%2F"):
        found = DRIVER.address(url)
        assert (found["port"], found["management_port"], found["vhost"]) == (5672, 15672, "/")
        assert (found["user"], found["password"]) == ("guest", "guest")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://broker.example", "found scheme 'http'"),
        ("amqps://broker.example?ca=/no/such/file", "is not a file"),
        ("amqp://broker.example?management=ftp", "management is http or https"),
        ("amqp://broker.example?nodes=other:5672", "further nodes are nodes=host:port:management_port"),
        ("broker.example:5672", "looks like amqp://"),
        ("amqp://broker.example/?heartbeat=5", "unknown in the url: heartbeat"),
        ("amqp://broker.example/?management_port=http", "management_port is a port number"),
        ("amqp://broker.example:99999/", "[Pp]ort"),
    ],
)
def test_an_url_that_is_none_is_refused(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        DRIVER.address(url)


@pytest.mark.parametrize(
    "text",
    [
        "amqp://me:p%40ss@broker.example:5673/my%2Fhost?management_port=8080",
        "amqps://me:it@broker.example:5671/%2F?management_port=15671",
        "amqps://me:it@broker.example:5671/%2F?management_port=15672&management=http",
        "amqps://me:it@broker.example:5671/%2F?management_port=15671&stream_port=5551",
        "amqp://me:it@one:5672/%2F?management_port=15672&nodes=two:5673:15673,three:5674:15674",
        "amqp://me:it@one:5672/%2F?management_port=15672&stream_port=5552&nodes=two:5673:15673:5553",
    ],
)
def test_an_address_is_written_as_the_url_that_gives_it(text: str) -> None:
    assert DRIVER.url(DRIVER.address(text)) == text


def test_a_cluster_deals_its_clients_out() -> None:
    of = DRIVER.address("amqp://one?nodes=two:5673:15673")

    def node(index: int, turn: int | None = None) -> Mapping[str, Any]:
        return node_of(Session(Endpoints(of, "x"), "pika", None, 1, 1, 64, index, None, turn=turn))

    assert [node(index)["host"] for index in range(3)] == ["one", "two", "one"]
    # Of two topics each has its own first producer: they go to different nodes all the same.
    assert [node(turn // 2, turn)["host"] for turn in range(4)] == ["one", "two", "one", "two"]
    assert node(1)["management_port"] == 15673
    assert node(1)["user"] == "guest"
