"""What the NATS driver decides without a server; with one, the conformance suite asks."""

from typing import Any

import pytest

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import Delivery, Guarantee, Promise, Scenario, Survives
from brokerbench_drivers.nats import DRIVER
from brokerbench_drivers.nats.server import NatsServer


def _promise(survives: Survives, size: str = "100B", nodes: int = 1, **settings: object) -> Promise:
    asked = DRIVER.Settings.model_validate(settings)
    delivery = Delivery(guarantee=Guarantee.AT_LEAST_ONCE, survives=survives)
    scenario = Scenario.model_validate(
        {
            "scenario": "s",
            "brokers": {"nats": {"driver": "nats"}},
            "topology": {"groups": {"a": {"consumers": 3, "prefetch": 20}, "b": {}}},
            "message": {"size": size},
            "load": {"model": "saturate", "stages": [{"steady": "1s"}]},
        }
    )
    return DRIVER.promise(asked, delivery, scenario, nodes)


@pytest.mark.parametrize(
    ("asked", "sync", "gives"),
    [
        (Survives.NOTHING, "2m", Survives.BROKER_KILL),
        (Survives.BROKER_KILL, "2m", Survives.BROKER_KILL),
        (Survives.POWER_LOSS, "always", Survives.POWER_LOSS),
    ],
)
def test_what_is_left_out_is_chosen_to_meet_what_is_asked(asked: Survives, sync: str, gives: Survives) -> None:
    promise = _promise(asked)
    assert promise.settings["storage"] == "file"
    assert promise.settings["sync_interval"] == sync
    assert promise.survives is gives


@pytest.mark.parametrize(
    ("asked", "settings", "instead"),
    [
        (Survives.POWER_LOSS, {"sync_interval": "2m"}, "use sync_interval: always"),
        (Survives.BROKER_KILL, {"storage": "memory"}, "use storage: file"),
        (Survives.BROKER_KILL, {"storage": "memory", "nodes": 3}, "use storage: file"),
        (Survives.NODE_LOSS, {"storage": "memory", "nodes": 3}, "use storage: file"),
        (Survives.NODE_LOSS, {}, r"use server: \{nodes: 3\}"),
        (Survives.NOTHING, {"replicas": 3}, "use replicas: 1"),
        (Survives.NOTHING, {"mode": "core"}, "use mode: jetstream"),
    ],
)
def test_what_is_set_is_kept_and_refused_if_too_weak(asked: Survives, settings: dict[str, Any], instead: str) -> None:
    with pytest.raises(CannotPromise, match=instead):
        _promise(asked, **settings)


def test_copies_in_memory_end_with_their_processes_and_unflushed_ones_with_the_power_of_all() -> None:
    memory = _promise(Survives.CLIENT_CRASH, nodes=3, storage="memory")
    assert (memory.settings["replicas"], memory.survives) == (3, Survives.CLIENT_CRASH)
    file = _promise(Survives.NODE_LOSS, nodes=3)
    assert file.survives is Survives.NODE_LOSS
    assert [note for note in file.notes if "not the power of all nodes at once" in note]


def test_prefetch_of_all_consumers_is_what_the_group_may_hold() -> None:
    assert _promise(Survives.NOTHING).settings["max_ack_pending"] == {"a": 60, "b": 500}
    assert _promise(Survives.NOTHING, max_ack_pending={"a": 5}).settings["max_ack_pending"] == {"a": 5, "b": 500}


def test_the_server_takes_messages_as_large_as_the_scenario_s() -> None:
    assert _promise(Survives.NOTHING, "4MiB").settings["max_payload_bytes"] == 4 * 2**20
    with pytest.raises(CannotPromise, match="leave max_payload out"):
        _promise(Survives.NOTHING, "4MiB", max_payload="1MiB")


@pytest.mark.parametrize("sync", ["sometimes", "0s", "2 minutes"])
def test_a_sync_interval_is_a_duration_or_always(sync: str) -> None:
    with pytest.raises(ValueError, match="always"):
        DRIVER.Settings.model_validate({"sync_interval": sync})


def test_urls() -> None:
    assert DRIVER.address("nats://h") == {"host": "h", "port": 4222}
    assert DRIVER.address("nats://u:p%40@h:1?monitor=http://h:8222/") == {
        "host": "h", "port": 1, "user": "u", "password": "p@", "monitor": "http://h:8222",
    }  # fmt: skip
    with pytest.raises(ValueError, match="nats://"):
        DRIVER.address("amqp://h")


def test_candidates_that_flush_differently_do_not_share_a_server() -> None:
    server = NatsServer(lambda: (None, "not here"))
    often, seldom = (DRIVER.Settings(sync_interval=sync) for sync in ("always", "2m"))
    assert server.key(often) != server.key(seldom)
    assert server.key(seldom) == server.key(DRIVER.Settings(mode="core"))
    assert not server.available().ready


def test_memory_is_not_durable() -> None:
    assert Feature.DURABLE in DRIVER.features(DRIVER.Settings())
    assert Feature.DURABLE not in DRIVER.features(DRIVER.Settings(storage="memory"))
