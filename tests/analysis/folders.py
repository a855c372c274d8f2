"""Writes run folders exactly as docs/run-folder.md, from a seeded model of a broker, without running one.

The knobs of `Behaviour` make it lose, overload, or misbehave in one way at a time.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.analysis.trials import CEILING, Behaviour, Broker, Json, Trial

__all__ = ["CEILING", "Behaviour", "Broker", "write_run"]


def write_run(
    folder: Path,
    brokers: Sequence[Broker],
    *,
    blocks: int = 3,
    rate: float = 500,
    warmup_s: int = 1,
    measure_s: int = 6,
    model: str = "open",
    groups: Mapping[str, int] | None = None,
    producers: int = 1,
    slo: Sequence[Json] = (),
    primary: str = "",
    smoke: bool = False,
    status: str = "finished",
    seed: int = 1,
    delivery: Mapping[str, Any] | None = None,
    arrivals: str = "constant",
    looks: Json | None = None,
    prefetch: int = 500,
    partitions: int = 1,
    size_bytes: int = 1024,
    group: Json | None = None,
) -> Path:
    """The folder; trials are in blocks, each block in the brokers' order, repeats and probes after them.

    `group`: what each group has besides."""
    folder.mkdir(parents=True)
    sides = dict(groups or {"all": 1})
    load = {"model": model, "rate": rate, "warmup_s": warmup_s, "measure_s": measure_s, "arrivals": arrivals}
    entries: list[Json] = []
    for kind, block, order, broker, share in _plan(brokers, blocks):
        tag = 512 + len(entries)
        name = f"b{block:02d}-{order}-{broker.name}"
        entry = {"id": name + ("" if kind == "planned" else f"-{kind}"), "block": block, "order": order, "tag": tag}
        entry |= {"kind": kind, "repeats": name if kind == "repeat" else None}
        state = broker.states.get(block, "finished") if kind == "planned" else "finished"
        entry |= {"candidate": broker.name, "seed": seed + tag, "state": state, "reason": None}
        if state in {"failed", "interrupted"}:
            entry["reason"] = "the server ended with status 1; see servers/" + broker.name
        entries.append(entry)
        if state == "finished":
            rng = np.random.default_rng([seed, tag])
            own = load | {"rate": rate * share}
            Trial(entry, broker, own, sides, producers, rng).write(folder / "trials" / str(entry["id"]))
    question = {"load": load, "groups": sides, "producers": producers, "slo": list(slo), "primary": primary}
    question |= {"smoke": smoke, "status": status, "seed": seed, "delivery": dict(delivery or {}), "looks": looks}
    question |= {"prefetch": prefetch, "partitions": partitions, "size_bytes": size_bytes, "group": dict(group or {})}
    _write_run_json(folder, brokers, entries, question)
    return folder


def _plan(brokers: Sequence[Broker], blocks: int) -> list[tuple[str, int, int, Broker, float]]:
    """Kind, block, order, broker as it behaves there, and its load relative to the others."""
    there = list(enumerate([b for b in brokers if b.excluded is None], 1))
    plan = []
    for block in range(1, blocks + 1):
        for order, broker in there:
            behaviour = broker.blocks.get(block, broker.behaviour)
            plan.append(("planned", block, order, replace(broker, behaviour=behaviour), 1.0))
    for order, broker in there:
        for block, behaviour in broker.repeats.items():
            plan.append(("repeat", block, order, replace(broker, behaviour=behaviour), 1.0))
    for order, broker in there:
        if broker.probe is not None:
            plan.append(("probe", blocks, order, broker, broker.probe))
    return plan


def _write_run_json(folder: Path, brokers: Sequence[Broker], entries: Sequence[Json], question: Json) -> None:
    load, groups = question["load"], question["groups"]
    stage = {"steady_s": load["measure_s"], "rate_msgs_s": load["rate"] if load["model"] == "open" else None}
    scenario = {
        "scenario": "synthetic",
        "question": "Which one?",
        "needs": list(dict.fromkeys(answer["need"] for b in brokers for answer in b.needs)),
        "brokers": {b.name: {"driver": b.driver or b.name} for b in brokers},
        "topology": {
            "topics": 1,
            "partitions": question["partitions"],
            "producers": question["producers"],
            "groups": {
                g: {"consumers": n, "prefetch": question["prefetch"], **question["group"]} for g, n in groups.items()
            },
        },
        "message": {"size_bytes": question["size_bytes"], "keys": None},
        "delivery": {"guarantee": "at-least-once", "survives": "nothing", "in_flight": 1000, **question["delivery"]},
        "load": {
            "model": load["model"],
            "arrivals": load["arrivals"],
            "warmup_s": load["warmup_s"],
            "stages": [stage],
            "drain_s": 10,
        },
        "repeats": {"blocks": max((e["block"] for e in entries), default=0)},
        "slo": question["slo"],
        "primary": question["primary"],
    }
    run = {
        "schema": 1,
        "brokerbench": "0.1.0",
        "scenario": scenario,
        "scenario_text": "scenario: synthetic\n",
        "seed": question["seed"],
        "smoke": question["smoke"],
        "started": "2026-11-23T17:00:00+00:00",
        "finished": None if question["status"] == "running" else "2026-11-23T17:10:00+00:00",
        "status": question["status"],
        "environment": {
            "cpu": "synthetic",
            "cores": 2,
            "kernel": "6",
            "python": "3.11",
            "memory_gib": 8.0,
            "libraries": {},
        },
        "candidates": {b.name: _candidate(b) for b in brokers},
        "ceilings": {b.name: b.ceiling for b in brokers if b.ceiling is not None},
        "trials": list(entries),
        "looks": question["looks"],
    }
    (folder / "run.json").write_text(json.dumps(run, indent=1))


def _candidate(broker: Broker) -> Json:
    point = "confirmed" if broker.behaviour.confirms else "handed-over"
    promise = {"guarantee": broker.guarantee, "survives": broker.survives, "point": point}
    promise |= {"settings": dict(broker.settings), "notes": []}
    return {
        "driver": broker.driver or broker.name,
        "title": broker.name.title(),
        "client": "client",
        "server": "embedded",
        "role": broker.role,
        "generator": broker.generator,
        "excluded": broker.excluded,
        "needs": list(broker.needs),
        "qualities": list(broker.qualities),
        "features": ["confirms"] if broker.behaviour.confirms else [],
        "promise": None if broker.excluded else promise,
    }
