"""Which differences between two runs forbid a comparison, which are noted, and which are none."""

import copy
from typing import Any

import pytest

from brokerbench_analysis.comparable import Difference, Side, differences

Json = dict[str, Any]
MACHINE: Json = {
    "cpu": "Quick 9000",
    "cores": 4,
    "cores_usable": 4,
    "governor": "performance",
    "kernel": "Linux 6.1.0-18",
    "clock_source": "tsc",
    "cgroup": {"version": 2, "cpu_quota_cores": None, "memory_limit_mib": None},
    "disk": {"device": "sda", "model": "Slow", "rotational": True, "filesystem": "ext4", "flush_ms": 5.0},
    "libraries": {"pika": "1.4.0"},
    "scenario_sha256": "aa",
}
SCENARIO: Json = {
    "scenario": "orders",
    "question": "?",
    "brokers": {"rabbitmq": {"driver": "rabbitmq"}},
    "topology": {"producers": 1, "groups": {"all": {"consumers": 1, "prefetch": 500}}},
    "message": {"size_bytes": 1024, "keys": None},
    "delivery": {"guarantee": "at-least-once", "survives": "nothing", "in_flight": 1000},
    "margins": {"latency": 0.1},
    "load": {"model": "open", "stages": [{"steady_s": 30.0, "rate_msgs_s": 5000.0}]},
}
CANDIDATE: Json = {
    "driver": "rabbitmq",
    "client": "pika",
    "server": "native",
    "role": "candidate",
    "broker_version": "3.10.8",
    "guarantee": "at-least-once",
    "survives": "nothing",
    "promise_point": "confirmed",
}


def side() -> Side:
    promise = {"settings": {"queue_type": "classic"}}
    run = {"brokerbench": "0.1.0", "environment": MACHINE, "scenario": SCENARIO}
    run["candidates"] = {"rabbitmq": {"promise": promise}}
    return copy.deepcopy(Side(run, {"candidates": {"rabbitmq": CANDIDATE}, "primary": "end_to_end.p99"}))


def changed(*path: str, to: object) -> list[Difference]:
    """The differences where only this changed in the second run: `run` or `summary`, then keys."""
    other = side()
    place: Any = getattr(other, path[0])
    for key in path[1:-1]:
        place = place[key]
    place[path[-1]] = to
    return differences(side(), other)


def test_a_run_does_not_differ_from_itself() -> None:
    assert differences(side(), side()) == []


@pytest.mark.parametrize(
    ("path", "to", "what"),
    [
        (("run", "environment", "cpu"), "Quick 9001", "CPU"),
        (("run", "environment", "cores_usable"), 2, "CPU"),
        (("run", "environment", "cgroup", "cpu_quota_cores"), 1.5, "CPU"),
        (("run", "environment", "kernel"), "Linux 6.1.0-19", "kernel"),
        (("summary", "candidates", "rabbitmq", "broker_version"), "4.0.0", "rabbitmq: broker's major version"),
        (("summary", "candidates", "rabbitmq", "broker_version"), None, "rabbitmq: broker's major version"),
        (("summary", "candidates", "rabbitmq", "driver"), "kafka", "rabbitmq: driver"),
        (("summary", "candidates", "rabbitmq", "guarantee"), "at-most-once", "rabbitmq: guarantee"),
        (("summary", "candidates", "rabbitmq", "survives"), "broker-kill", "rabbitmq: what is survived"),
        (("summary", "candidates", "rabbitmq", "promise_point"), "handed-over", "rabbitmq: promise point"),
        (("run", "scenario", "topology", "groups", "all", "prefetch"), 1, "topology.groups.all.prefetch"),
        (("run", "scenario", "message", "size_bytes"), 100, "message.size_bytes"),
        (("run", "scenario", "message", "keys"), {"cardinality": 10}, "message.keys.cardinality"),
        (("run", "scenario", "delivery", "in_flight"), 1, "delivery.in_flight"),
        (("run", "scenario", "brokers", "rabbitmq", "delivery"), {"in_flight": 1}, "rabbitmq: delivery.in_flight"),
        (("run", "scenario", "load", "stages"), [{"rate_msgs_s": 10000.0}], "load.stages"),
        (("run", "scenario", "load", "arrivals"), "poisson", "load.arrivals"),
        (("summary", "primary"), "throughput", "primary figure"),
    ],
)
def test_these_forbid_a_comparison(path: tuple[str, ...], to: object, what: str) -> None:
    (found,) = changed(*path, to=to)
    assert found.what == what
    assert found.blocks_comparison
    assert found.a != found.b


@pytest.mark.parametrize(
    ("path", "to", "what"),
    [
        (("run", "environment", "governor"), "powersave", "governor"),
        (("run", "environment", "clock_source"), "hpet", "clock_source"),
        (("run", "environment", "disk", "model"), "Quick", "disk model"),
        (("run", "environment", "disk", "flush_ms"), 10.0, "disk flush time"),
        (("run", "environment", "libraries", "pika"), "1.5.0", "library pika"),
        (("run", "brokerbench"), "0.2.0", "brokerbench"),
        (("run", "candidates", "rabbitmq", "promise", "settings", "queue_type"), "quorum", "rabbitmq: queue_type"),
        (("run", "scenario", "margins", "latency"), 0.2, "margins.latency"),
        (("summary", "candidates", "rabbitmq", "client"), "wire", "rabbitmq: client"),
        (("summary", "candidates", "rabbitmq", "broker_version"), "3.10.9", "rabbitmq: broker's version"),
        (("summary", "candidates", "kafka"), CANDIDATE, "candidate kafka"),
        (("summary", "candidates", "rabbitmq"), {"excluded": "no confirms"}, "candidate rabbitmq"),
    ],
)
def test_these_are_only_noted(path: tuple[str, ...], to: object, what: str) -> None:
    (found,) = changed(*path, to=to)
    assert found.what == what
    assert not found.blocks_comparison
    assert found.a != found.b


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("run", "environment", "disk", "flush_ms"), 9.9),  # the same disk on another day
        (("run", "environment", "disk"), None),  # an older run
        (("run", "environment", "cgroup"), {}),
        (("run", "environment", "governor"), None),
        (("run", "environment", "scenario_sha256"), "bb"),  # what differs is said by name
        (("run", "environment", "libraries"), {}),
        (("run", "scenario", "load", "arrivals"), "constant"),  # older runs had no other
        (("run", "scenario", "question"), "Why?"),
        (("run", "scenario", "brokers"), {}),  # compared as candidates
    ],
)
def test_these_are_no_differences(path: tuple[str, ...], to: object) -> None:
    assert changed(*path, to=to) == []


def test_machines_that_nobody_wrote_down_are_not_the_same() -> None:
    sides = [side(), side()]
    for one in sides:
        one.run["environment"] = {**MACHINE, "cpu": None, "kernel": None}
    found = differences(*sides)
    assert [(d.what, d.a, d.b, d.blocks_comparison) for d in found] == [
        ("CPU", "not recorded", "not recorded", True),
        ("kernel", "not recorded", "not recorded", True),
    ]


def test_what_forbids_comes_first() -> None:
    other = side()
    other.run["environment"] |= {"governor": "powersave", "kernel": "Linux 6.2"}
    other.summary["candidates"]["rabbitmq"]["survives"] = "power-loss"
    assert [d.what for d in differences(side(), other)] == ["kernel", "rabbitmq: what is survived", "governor"]


def test_several_versions_in_one_run_count_all() -> None:
    (found,) = changed("summary", "candidates", "rabbitmq", "broker_version", to="3.10.8, 4.0.0")
    assert found.blocks_comparison


def test_words() -> None:
    (found,) = changed("run", "environment", "cgroup", "cpu_quota_cores", to=1.5)
    assert (found.a, found.b) == ("Quick 9000, 4 cores", "Quick 9000, 4 cores, at most 1.5 of them")
    (found,) = changed("run", "scenario", "load", "stages", to=[{"steady_s": 5.0, "rate_msgs_s": None}])
    assert (found.a, found.b) == ("steady_s 30, rate_msgs_s 5000", "steady_s 5, rate_msgs_s not recorded")
