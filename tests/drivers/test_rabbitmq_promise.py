"""What the scenario's words become, and what is refused, in words that say what to use instead."""

from typing import Any

import pytest
from pydantic import ValidationError

from brokerbench.contract import CannotPromise, Feature
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

ONCE, LEAST = Guarantee.AT_MOST_ONCE, Guarantee.AT_LEAST_ONCE


def scenario(groups: int = 1, partitions: int = 1, keys: Keys | None = None) -> Scenario:
    return Scenario(
        scenario="words",
        brokers={"it": Broker(driver="rabbitmq")},
        topology=Topology(partitions=partitions, groups={f"g{i}": Group() for i in range(groups)}),
        message=Message(size="100B", keys=keys),
        load=Load(model=LoadModel.SATURATE, stages=(Stage(steady="1s"),)),
    )


def promised(guarantee: Guarantee, survives: Survives, question: Scenario | None = None, **settings: Any) -> Promise:
    delivery = Delivery(guarantee=guarantee, survives=survives)
    return DRIVER.promise(DRIVER.Settings(**settings), delivery, question or scenario())


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
        (LEAST, Survives.NODE_LOSS, {"queue_type": "quorum"}, "use survives: power-loss with queue_type: quorum"),
        (LEAST, Survives.BROKER_KILL, {"persistent": False}, "leave persistent out, or use survives: client-crash"),
        (LEAST, Survives.NOTHING, {"confirms": False}, "leave confirms out, or ask at-most-once"),
        (LEAST, Survives.NOTHING, {"auto_ack": True}, "leave auto_ack out, or ask at-most-once"),
        (ONCE, Survives.CLIENT_CRASH, {}, "use guarantee: at-least-once, or survives: nothing"),
    ],
)
def test_what_cannot_be_promised_says_what_can(
    guarantee: Guarantee, survives: Survives, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(CannotPromise, match=says) as raised:
        promised(guarantee, survives, **settings)
    assert "\n" not in str(raised.value)


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


@pytest.mark.parametrize("wrong", [{"queue_type": "stream"}, {"exchange": "topic"}, {"vhost": ""}, {"prefetch": 3}])
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
        ("amqps://broker.example", "without TLS"),
        ("broker.example:5672", "looks like amqp://"),
        ("amqp://broker.example/?heartbeat=5", "unknown in the url: heartbeat"),
        ("amqp://broker.example/?management_port=http", "management_port is a port number"),
        ("amqp://broker.example:99999/", "[Pp]ort"),
    ],
)
def test_an_url_that_is_none_is_refused(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        DRIVER.address(url)
