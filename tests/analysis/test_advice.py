"""Each rule speaks where its pattern is in the figures, and nowhere else; what was tried of it stands beside it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brokerbench.cli._scenario import load_scenario
from brokerbench_analysis.advice import RULES
from brokerbench_analysis.folder import Json
from brokerbench_analysis.summary import analyse
from tests.analysis.advice_page import PAGE, page
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]
Case = tuple[Broker, Json]

# Of one message in flight confirmed after 2 ms, 500 come a second: the producer waits all the time.
WAITS = Behaviour(confirm_ms=1.95, end_to_end_ms=2.5, spread=0.0)
ONE: Json = {"delivery": {"in_flight": 1}, "model": "saturate"}
DROPS = {"max_length": 100, "overflow": "drop-head"}
STREAM = {"structure": "stream", "noack": False}
BATCHES = {"linger_s": 0.005, "batch_bytes": 2048}
BUSY = Behaviour(broker_cpu=1.2)
LOSSY = Behaviour(confirms=False, lost=200)
PUB = Broker("zeromq", LOSSY, role="floor", guarantee="at-most-once", settings={"pattern": "pub-sub", "hwm": 100})
RABBIT, KAFKA = Broker("rabbitmq"), Broker("kafka", settings={"linger_s": 0.005, "batch_bytes": 16384})
JET = Broker("nats", WAITS, settings={"mode": "jetstream"})
ACKS: Json = {"group": {"processing": {"fixed_s": 0.001}}, "prefetch": 100}

# Rule -> where it speaks, what it says (setting's key, from, to), and changes that silence it.
SPEAKS: dict[str, tuple[Case, tuple[str, Any, Any], list[Case]]] = {
    "rabbitmq-drop-head": (
        (replace(RABBIT, behaviour=Behaviour(lost=200), guarantee="at-most-once", settings=DROPS), {}),
        ("brokers.rabbitmq.overflow", "drop-head", "reject-publish"),
        [
            (replace(RABBIT, behaviour=Behaviour(lost=200), guarantee="at-most-once"), {}),
            (replace(RABBIT, guarantee="at-most-once", settings=DROPS), {}),
        ],
    ),
    "rabbitmq-prefetch": (
        (replace(RABBIT, behaviour=WAITS), {"prefetch": 1}),
        ("topology.groups.all.prefetch", 1, 200),
        [
            (replace(RABBIT, behaviour=WAITS), {"prefetch": 50}),
            (replace(RABBIT, behaviour=WAITS), {"prefetch": 1, "rate": 50}),
            (replace(RABBIT, behaviour=WAITS, settings={"auto_ack": True}), {"prefetch": 1}),
            (replace(RABBIT, behaviour=replace(WAITS, consumer_busy=0.75)), {"prefetch": 1}),
            (replace(RABBIT, behaviour=replace(WAITS, working=0.95)), {"prefetch": 1}),
        ],
    ),
    "rabbitmq-multiple-acks": (
        (replace(RABBIT, behaviour=BUSY), ACKS),
        ("topology.groups.all.ack_every", 1, 10),
        [
            (RABBIT, ACKS),
            (replace(RABBIT, behaviour=BUSY), {"prefetch": 100}),
            (replace(RABBIT, behaviour=BUSY), {**ACKS, "group": {**ACKS["group"], "ack_every": 10}}),
        ],
    ),
    "rabbitmq-confirms": (
        (replace(RABBIT, behaviour=WAITS), ONE),
        ("delivery.in_flight", 1, 500),
        [
            (replace(RABBIT, behaviour=WAITS), {**ONE, "delivery": {"in_flight": 2}}),
            (replace(RABBIT, behaviour=WAITS), {**ONE, "rate": 200}),
            (replace(RABBIT, behaviour=Behaviour(confirm_ms=120, spread=0.0)), {"delivery": {"in_flight": 50}}),
        ],
    ),
    "kafka-partitions": (
        (replace(KAFKA, behaviour=Behaviour(idle=2)), {"groups": {"all": 4}, "partitions": 2}),
        ("topology.partitions", 2, 4),
        [
            (KAFKA, {"groups": {"all": 4}, "partitions": 2}),
            (replace(KAFKA, behaviour=Behaviour(idle=2)), {"groups": {"all": 4}, "partitions": 4}),
        ],
    ),
    "kafka-linger": (
        (replace(KAFKA, behaviour=BUSY), {"size_bytes": 100}),
        ("brokers.kafka.linger", "5ms", "10ms"),
        [
            (KAFKA, {"size_bytes": 100}),
            (replace(KAFKA, behaviour=BUSY), {"size_bytes": 2048}),
            (replace(KAFKA, behaviour=BUSY, settings=KAFKA.settings | {"linger_s": 0.01}), {"size_bytes": 100}),
        ],
    ),
    "kafka-batch": (
        (replace(KAFKA, behaviour=Behaviour(confirm_ms=9), settings=BATCHES), {"model": "saturate"}),
        ("brokers.kafka.batch", "2KiB", "128KiB"),
        [
            (replace(KAFKA, behaviour=Behaviour(confirm_ms=9)), {"model": "saturate"}),
            (replace(KAFKA, behaviour=Behaviour(confirm_ms=9), settings=BATCHES), {}),
            (replace(KAFKA, behaviour=Behaviour(confirm_ms=3), settings=BATCHES), {"model": "saturate"}),
        ],
    ),
    "zeromq-high-water-mark": (
        (PUB, {}),
        ("brokers.zeromq.hwm", 100, 800),
        [
            (replace(PUB, behaviour=replace(LOSSY, lost=0)), {}),
            (replace(PUB, settings={"pattern": "push-pull", "hwm": 100}), {}),
        ],
    ),
    "redis-count": (
        (Broker("redis", WAITS, settings=STREAM), {"prefetch": 1}),
        ("topology.groups.all.prefetch", 1, 100),
        [
            (Broker("redis", WAITS, settings=STREAM), {}),
            (Broker("redis", WAITS, settings={"structure": "list"}), {"prefetch": 1}),
        ],
    ),
    "jetstream-window": (
        (JET, ONE),
        ("delivery.in_flight", 1, 256),
        [(JET, {}), (replace(JET, settings={"mode": "core"}), ONE)],
    ),
    "redis-pipeline": (
        (Broker("redis", WAITS, settings=STREAM), ONE),
        ("delivery.in_flight", 1, 100),
        [(Broker("redis", WAITS, settings=STREAM), {})],
    ),
    "rabbitmq-message-size": (
        (RABBIT, {"size_bytes": 200_000, "rate": 100}),
        ("message.size", "195.3KiB", "1KiB"),
        [(RABBIT, {"size_bytes": 131_072, "rate": 100})],
    ),
    "kafka-message-size": (
        (replace(KAFKA, facts={"topic.max.message.bytes": "2097652"}), {"size_bytes": 2**21, "rate": 100}),
        ("message.size", "2MiB", "1KiB"),
        [(replace(KAFKA, facts={"topic.max.message.bytes": "1048588"}), {"size_bytes": 2**20 - 512, "rate": 100})],
    ),
    "nats-message-size": (
        (replace(JET, settings={"max_payload_bytes": 2**21}), {"size_bytes": 2**21, "rate": 100}),
        ("message.size", "2MiB", "1KiB"),
        [(replace(JET, settings={"max_payload_bytes": 2**20}), {"size_bytes": 2**20, "rate": 100})],
    ),
}


def advice(run: Run, case: Case, **more: Any) -> list[Json]:
    broker, question = case
    found: list[Json] = analyse(run(broker, **{"blocks": 2, **question, **more})).summary["advice"]
    return found


def names(found: list[Json]) -> list[str]:
    return [row["rule"] for row in found]


def test_every_rule_is_tried_here() -> None:
    assert set(SPEAKS) == {rule.name for rule in RULES}
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("name", SPEAKS)
def test_it_speaks_where_its_pattern_is(run: Run, name: str) -> None:
    case, (setting, found, to), _ = SPEAKS[name]
    row = next(row for row in advice(run, case) if row["rule"] == name)
    assert row["setting"].split(" (")[0] == setting
    assert (row["from"], row["to"]) == (found, to)
    assert row["change"] == {setting: str(to)}
    assert row["candidate"] == case[0].name
    assert row["trials"] == [f"b01-1-{case[0].name}", f"b02-1-{case[0].name}"]
    assert not row["proved"]
    assert (row["gain"], row["low"], row["high"], row["proof"]) == (None, None, None, None)
    assert row["broker_version"] == "1.0.0"
    assert row["source"].startswith("https://")


@pytest.mark.parametrize("name", SPEAKS)
def test_what_it_changes_is_a_key_that_a_scenario_file_takes(name: str, tmp_path: Path) -> None:
    (broker, _), (setting, _, to), _ = SPEAKS[name]
    file = tmp_path / "asked.yaml"
    limit = ", max_length: 100, overflow: drop-head" if name == "rabbitmq-drop-head" else ""
    role = ", role: floor" if broker.role == "floor" else ""
    file.write_text(
        f"scenario: asked\nquestion: which?\nbrokers:\n  {broker.name}: {{driver: {broker.name}{limit}{role}}}\n"
        "topology: {groups: {all: {processing: 1ms}}}\nmessage: {size: 2MiB}\n"
        f"delivery: {{guarantee: {broker.guarantee}, survives: nothing, in_flight: 1}}\n"
        "load: {model: saturate, warmup: 1s, stages: [{steady: 5s}]}\nrepeats: {blocks: 3}\n"
    )
    loaded = load_scenario(str(file))
    assert loaded.changed({setting: str(to)}) != loaded.scenario


def test_bodies_of_ones_own_have_no_size_to_set(run: Run) -> None:
    folder = run(RABBIT, blocks=2, size_bytes=200_000, rate=100)
    made = json.loads((folder / "run.json").read_text())
    made["scenario"]["message"] = {"payload": "bodies.txt"}
    drawn = {"bodies": 3, "smallest_bytes": 200_000, "mean_bytes": 2e5, "largest_bytes": 200_000, "saved_share": 0.1}
    made["messages"] = {"rabbitmq": {**drawn, "keys": None}}
    (folder / "run.json").write_text(json.dumps(made))
    (row,) = (row for row in analyse(folder).summary["advice"] if row["rule"] == "rabbitmq-message-size")
    assert (row["setting"], row["from"], row["to"]) == ("message", "195.3KiB", "a reference of 1KiB")
    assert (row["change"], row["provable"]) == ({}, False)


@pytest.mark.parametrize(("name", "silent"), [(name, n) for name in SPEAKS for n in range(len(SPEAKS[name][2]))])
def test_it_is_silent_where_its_pattern_is_not(run: Run, name: str, silent: int) -> None:
    assert name not in names(advice(run, SPEAKS[name][2][silent]))


@pytest.mark.parametrize("name", SPEAKS)
def test_it_is_silent_where_trials_cannot_be_believed(run: Run, name: str) -> None:
    (broker, question), _, _ = SPEAKS[name]
    for spoilt in (
        {"counter_off": 100},  # the broker's own counter contradicts ours: invalid
        {"steal": 0.1},
        {"producer_busy": 0.95, "consumer_busy": 0.95},
    ):
        behaviour = replace(broker.behaviour, **spoilt)
        assert name not in names(advice(run, (replace(broker, behaviour=behaviour), question))), spoilt
    assert advice(run, (broker, question), smoke=True) == []


def test_of_several_trials_only_the_sound_ones_speak(run: Run) -> None:
    broker = replace(RABBIT, behaviour=WAITS, blocks={2: replace(WAITS, steal=0.1)})
    (row,) = (row for row in advice(run, (broker, ONE)) if row["rule"] == "rabbitmq-confirms")
    assert row["trials"] == ["b01-1-rabbitmq"]


def test_a_healthy_set_up_gets_none(run: Run) -> None:
    brokers = [RABBIT, KAFKA, replace(JET, behaviour=Behaviour()), Broker("redis", settings=STREAM)]
    pushes = {"pattern": "push-pull", "hwm": 1000}
    brokers.append(Broker("zeromq", Behaviour(confirms=False), role="floor", settings=pushes))
    for model in ("open", "saturate"):
        assert analyse(run(*brokers, model=model, blocks=2)).summary["advice"] == []


def test_losses_come_first_then_consumers_before_producers(run: Run) -> None:
    behaviour = replace(WAITS, lost=200)
    case = replace(RABBIT, behaviour=behaviour, guarantee="at-most-once", settings=DROPS), {**ONE, "prefetch": 1}
    assert names(advice(run, case)) == ["rabbitmq-drop-head", "rabbitmq-prefetch", "rabbitmq-confirms"]


def test_one_of_several_candidates_is_changed_alone(run: Run) -> None:
    rows = analyse(run(replace(RABBIT, behaviour=WAITS), Broker("x"), blocks=2, **ONE)).summary["advice"]
    assert [row["change"] for row in rows] == [{"brokers.rabbitmq.delivery.in_flight": "500"}]


def test_the_page_of_rules_is_what_they_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.analysis.advice_page"
