"""What paired trials said of a run's advice, read from its folder alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis.advice import note
from brokerbench_analysis.folder import Json
from brokerbench_analysis.summary import analyse
from tests.analysis.folders import Behaviour, Broker, write_run
from tests.analysis.test_advice import DROPS, RABBIT, WAITS

Run = Callable[..., Path]
ASKED: Json = {"model": "saturate", "delivery": {"in_flight": 1}, "prefetch": 1}
PREFETCH = {"topology.groups.all.prefetch": "200"}, "rabbitmq-prefetch"
CONFIRMS = {"delivery.in_flight": "500"}, "rabbitmq-confirms"
HALF, THIRD = Behaviour(delivered_share=0.5), Behaviour(delivered_share=0.3)


@pytest.fixture
def asked(run: Run) -> Path:
    """A run that is advised both; its proofs follow."""
    return run(replace(RABBIT, behaviour=WAITS), blocks=2, **ASKED)


def prove(folder: Path, *arms: Behaviour, steps: Any = (PREFETCH, CONFIRMS), jams: bool = True, **how: Any) -> Path:
    """A proof whose arms behave so; the first is as asked."""
    home = folder / "proofs" / f"20261123-18000{len(list(folder.glob('proofs/*')))}_proof"
    names = ["rabbitmq", *(f"{n}-{rule}" for n, (_, rule) in enumerate(steps, 1))]
    brokers = [Broker(name, arm, driver="rabbitmq") for name, arm in zip(names, arms, strict=True)]
    write_run(home, brokers, **{"model": "saturate", "blocks": 3, "measure_s": 6, **how})
    told = [(name, {"rule": rule, "change": change}) for name, (change, rule) in zip(names[1:], steps, strict=True)]
    (home / "proof.json").write_text(json.dumps(note("rabbitmq", told, jams=jams)))
    return home


def found(folder: Path) -> list[Json]:
    rows: list[Json] = analyse(folder).summary["advice"]
    return rows


def test_each_step_is_held_against_the_one_before(asked: Path) -> None:
    home = prove(asked, THIRD, HALF, Behaviour())
    prefetch, confirms = found(asked)
    assert (prefetch["rule"], confirms["rule"]) == ("rabbitmq-prefetch", "rabbitmq-confirms")
    assert prefetch["proved"]
    assert confirms["proved"]
    assert prefetch["low"] < 0.5 / 0.3 < prefetch["high"]
    assert confirms["low"] < confirms["gain"] < confirms["high"]
    assert confirms["gain"] == pytest.approx(2, rel=0.1)
    assert prefetch["proof"]["folder"] == f"proofs/{home.name}"
    assert prefetch["proof"]["after"] is None
    assert confirms["proof"]["after"] == "topology.groups.all.prefetch=200"
    assert confirms["proof"]["text"].endswith("times higher (3 blocks, 98.33 % interval)")
    assert prefetch["proof"]["together"] == confirms["proof"]["together"]
    assert "times higher" in confirms["proof"]["together"]


def test_a_single_step_has_the_whole_error_for_itself(asked: Path) -> None:
    prove(asked, HALF, Behaviour(), steps=(CONFIRMS,))
    prefetch, confirms = found(asked)
    assert prefetch["proof"] is None
    assert confirms["proof"]["text"].endswith("(3 blocks, 95 % interval)")
    assert confirms["proof"]["together"] is None


def test_what_brings_nothing_is_said_to_be_tried(asked: Path) -> None:
    prove(asked, Behaviour(), Behaviour(), steps=(CONFIRMS,))
    row = found(asked)[1]
    assert not row["proved"]
    assert row["proof"]["text"].startswith("tried: no gain shown, throughput between ")
    assert row["gain"] == pytest.approx(1, abs=0.02)


def test_what_makes_it_worse_is_said_so(asked: Path) -> None:
    prove(asked, Behaviour(), HALF, steps=(CONFIRMS,))
    row = found(asked)[1]
    assert not row["proved"]
    assert "times lower, worse than before" in row["proof"]["text"]
    assert row["high"] < 1


@pytest.mark.parametrize(
    ("arms", "how", "why"),
    [
        ((HALF, Behaviour(counter_off=100)), {}, "1-rabbitmq-confirms has no valid trial"),
        ((HALF, Behaviour(lost=5)), {}, "lost 15 promised messages"),
        ((HALF, Behaviour()), {"smoke": True}, "a smoke run"),
        ((HALF, Behaviour()), {"blocks": 1}, "1 block in which both were measured; 2 are the least"),
    ],
)
def test_a_proof_without_a_result_says_why(asked: Path, arms: Any, how: Json, why: str) -> None:
    prove(asked, *arms, steps=(CONFIRMS,), **how)
    row = found(asked)[1]
    assert not row["proved"]
    assert row["proof"]["text"].startswith("tried, without a result: ")
    assert why in row["proof"]["text"]


def test_the_newest_proof_counts(asked: Path) -> None:
    prove(asked, HALF, Behaviour(), steps=(CONFIRMS,))
    newest = prove(asked, Behaviour(), Behaviour(), steps=(CONFIRMS,))
    row = found(asked)[1]
    assert row["proof"]["folder"] == f"proofs/{newest.name}"
    assert not row["proved"]


def test_a_proof_of_another_value_is_none_of_this_one(asked: Path) -> None:
    prove(asked, HALF, Behaviour(), steps=(({"delivery.in_flight": "20"}, "rabbitmq-confirms"),))
    assert [row["proof"] for row in found(asked)] == [None, None]


@pytest.mark.parametrize("damage", ["{", "{}", '{"candidate": "rabbitmq", "jams": true, "steps": [{"arm": "x"}]}'])
def test_a_damaged_proof_leaves_the_advice_unproved(asked: Path, damage: str) -> None:
    (prove(asked, HALF, Behaviour(), steps=(CONFIRMS,)) / "proof.json").write_text(damage)
    assert [row["proof"] for row in found(asked)] == [None, None]


@pytest.mark.parametrize(("after", "shown"), [(0, True), (3, False)])
def test_a_loss_is_gone_where_no_block_has_it_any_more(run: Run, after: int, shown: bool) -> None:
    loses = replace(RABBIT, behaviour=Behaviour(lost=200), guarantee="at-most-once", settings=DROPS)
    folder = run(loses, blocks=2)
    step = ({"brokers.rabbitmq.overflow": "reject-publish"}, "rabbitmq-drop-head")
    prove(folder, Behaviour(lost=200), Behaviour(lost=after), steps=(step,), jams=False, model="open")
    for name in ("rabbitmq", "1-rabbitmq-drop-head"):
        _promise(folder, name)
    (row,) = found(folder)
    assert row["proved"] == shown
    assert (row["gain"], row["low"]) == (None, None)
    told = "600 messages lost before, none after, over 3 blocks" if shown else "tried, not shown: 600 messages lost"
    assert row["proof"]["text"].startswith(told)


def _promise(folder: Path, name: str) -> None:
    """At most once, as it was for the run."""
    (path,) = folder.glob("proofs/*/run.json")
    run = json.loads(path.read_text())
    run["candidates"][name]["promise"]["guarantee"] = run["scenario"]["delivery"]["guarantee"] = "at-most-once"
    path.write_text(json.dumps(run))
