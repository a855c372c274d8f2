"""Runs in this process, as the CLI makes them but without it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import brokerbench_drivers
from brokerbench.engine.planner import make_plan
from brokerbench.engine.run import RunOptions, execute
from brokerbench.model import (
    Broker,
    Churn,
    Delivery,
    Group,
    Guarantee,
    Load,
    LoadModel,
    Message,
    Plan,
    Repeats,
    Scenario,
    Slo,
    Stage,
    Topology,
)
from brokerbench_analysis import look_levels, write_summary
from tests.support.patience import until

__all__ = ["planned", "read", "run", "scenario", "trials_of", "until"]

AT_MOST, AT_LEAST = Guarantee.AT_MOST_ONCE, Guarantee.AT_LEAST_ONCE


def scenario(
    brokers: Mapping[str, Broker],
    *,
    rate: str | None = "2k/s",
    warmup: str = "300ms",
    steady: str = "700ms",
    drain: str = "5s",
    guarantee: Guarantee = AT_MOST,
    in_flight: int = 1000,
    producers: int = 1,
    topics: int = 1,
    groups: Mapping[str, Group] | None = None,
    churn: Churn | None = None,
    blocks: int = 1,
    look_again: int | None = None,
    slo: tuple[Slo, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Scenario:
    """A question of a second; `rate=None` saturates."""
    stage: dict[str, Any] = {"steady": steady} | ({"rate": rate} if rate else {})
    model = LoadModel.OPEN if rate else LoadModel.SATURATE
    return Scenario(
        scenario="try-out",
        brokers=brokers,
        topology=Topology(topics=topics, producers=producers, groups=groups or {"all": Group()}, churn=churn),
        message=Message(size="256B", headers=headers),
        delivery=Delivery(guarantee=guarantee, in_flight=in_flight),
        load=Load(model=model, warmup=warmup, stages=(Stage(**stage),), drain=drain),
        repeats=Repeats(blocks=blocks, look_again=look_again),
        slo=slo,
        primary="end_to_end.p99" if rate else "delivered_msgs_s",
    )


def run(
    asked: Scenario,
    results: Path,
    *,
    seed: int = 1,
    observe: Callable[[str, dict[str, Any]], None] = lambda kind, about: None,
    stop_asked: Callable[[], bool] = lambda: False,
    undecided: Callable[[Path], bool] = lambda folder: True,
    smoke: bool = False,
) -> Path:
    """Execute it; the summary is written after every trial, as by the CLI."""
    drivers = {broker.driver: brokerbench_drivers.load(broker.driver) for broker in asked.brokers.values()}
    plan: Plan = make_plan(asked, drivers, seed, smoke=smoke)
    options = RunOptions(
        results=results,
        references={name: brokerbench_drivers.reference(name) for name in drivers},
        redacted=asked.model_dump(mode="json"),
        source_text="",
        observe=observe,
        stop_asked=stop_asked,
        after_trial=write_summary,
        undecided=undecided,
        look_levels=look_levels,
    )
    return execute(plan, drivers, options)


def read(path: Path) -> Any:
    """A .json file as it is, a .jsonl file as a list."""
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)


def planned(folder: Path) -> list[dict[str, Any]]:
    """run.json's trials without those that stand in for one that this machine disturbed."""
    return [entry for entry in read(folder / "run.json")["trials"] if entry["kind"] != "repeat"]


def trials_of(folder: Path) -> dict[str, Path]:
    """Candidate -> its planned trial's folder (of a run with one block)."""
    trials = [entry for entry in planned(folder) if entry["kind"] == "planned"]
    return {entry["candidate"]: folder / "trials" / entry["id"] for entry in trials}
