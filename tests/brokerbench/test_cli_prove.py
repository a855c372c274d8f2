"""Which runs try a run's advice; what they say of a real broker is in test_run_advice."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brokerbench.cli._main import run
from brokerbench.cli._prove import ProofRun, proof_runs
from brokerbench.cli._scenario import load_scenario
from brokerbench.model import LoadModel

Json = dict[str, Any]
TWO = ["brokers.other={driver: nats}", "load.model=open", "load.stages=[{steady: 2m, rate: 1k/s}]"]


def row(rule: str, change: dict[str, str], *, candidate: str = "rabbitmq", jams: bool = True, **more: Any) -> Json:
    return {"candidate": candidate, "rule": rule, "change": change, "jams": jams, "provable": True, **more}


PREFETCH = row("rabbitmq-prefetch", {"topology.groups.all.prefetch": "200"})
CONFIRMS = row("rabbitmq-confirms", {"delivery.in_flight": "500"})
ADVICE = [PREFETCH, CONFIRMS]


def made(advice: list[Json], number: int, overrides: tuple[str, ...] = ()) -> list[ProofRun]:
    return proof_runs(advice, load_scenario("rabbitmq-one-at-a-time", overrides), number)


def test_the_steps_of_a_candidate_add_up_in_one_run() -> None:
    (proof,) = made(ADVICE, 2)
    scenario = proof.scenario
    assert list(scenario.brokers) == ["rabbitmq", "1-rabbitmq-prefetch", "2-rabbitmq-confirms"]
    asked = [scenario.of(name) for name in scenario.brokers]
    assert [(a.topology.groups["all"].prefetch, a.delivery.in_flight) for a in asked] == [(1, 1), (200, 1), (200, 500)]
    assert {a.topology.producers for a in asked} == {2}
    assert {broker.settings["queue_type"] for broker in scenario.brokers.values()} == {"quorum"}
    assert scenario.brokers["rabbitmq"].topology is None
    assert (scenario.slo, scenario.needs, scenario.primary) == ((), (), "delivered_msgs_s")
    assert proof.words == "topology.groups.all.prefetch=200, then delivery.in_flight=500 for rabbitmq"
    assert [step["arm"] for step in proof.note["steps"]] == list(scenario.brokers)[1:]


def test_the_first_n_are_tried() -> None:
    (proof,) = made(ADVICE, 1)
    assert list(proof.scenario.brokers) == ["rabbitmq", "1-rabbitmq-prefetch"]
    assert made(ADVICE, 0) == []


def test_what_trials_cannot_prove_is_passed_over() -> None:
    size = row("rabbitmq-message-size", {"message.size": "1KiB"}) | {"provable": False}
    (proof,) = made([size, CONFIRMS], 1)
    assert list(proof.scenario.brokers) == ["rabbitmq", "1-rabbitmq-confirms"]


def test_each_candidate_has_a_run_of_its_own_at_full_load() -> None:
    own = row("rabbitmq-confirms", {"brokers.rabbitmq.delivery.in_flight": "500"})
    other = row("jetstream-window", {"brokers.other.delivery.in_flight": "256"}, candidate="other")
    proofs = {proof.candidate: proof.scenario for proof in made([own, other], 2, tuple(TWO))}
    assert {name: list(s.brokers) for name, s in proofs.items()} == {
        "rabbitmq": ["rabbitmq", "1-rabbitmq-confirms"],
        "other": ["other", "1-jetstream-window"],
    }
    assert proofs["other"].of("1-jetstream-window").delivery.in_flight == 256
    load = proofs["other"].load
    assert (load.model, load.rate_msgs_s, load.measure_s) == (LoadModel.SATURATE, None, 30.0)


def test_losses_are_tried_under_the_scenarios_own_load() -> None:
    drop = row("rabbitmq-drop-head", {"brokers.rabbitmq.overflow": "reject-publish"}, jams=False)
    limit = ("brokers.rabbitmq.max_length=100", *TWO)
    (proof,) = made([drop], 1, limit)
    assert (proof.scenario.load.rate_msgs_s, proof.scenario.load.measure_s) == (1000, 120.0)
    arm = proof.scenario.brokers["1-rabbitmq-drop-head"]
    assert arm.settings["overflow"] == "reject-publish"


def test_the_text_is_read_again_and_not_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    loaded = load_scenario("rabbitmq-one-at-a-time")
    file.write_text(loaded.text.replace("rabbitmq-one-at-a-time", "mine"))
    mine = load_scenario(str(file), ["delivery.in_flight=3"])
    file.unlink()
    (proof,) = proof_runs([PREFETCH], mine, 1)
    assert proof.scenario.delivery.in_flight == 3
    assert replace(mine).changed({"delivery.in_flight": "7"}).delivery.in_flight == 7


def test_a_smoke_run_has_nothing_to_prove(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "rabbitmq-one-at-a-time", "--short", "--prove", "2"]) == 2
    assert "leave one of the two out" in capsys.readouterr().err
