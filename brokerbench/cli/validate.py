"""`validate`: what a scenario file means, before anything is started. Opens no socket."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import click

from brokerbench.engine.planner import make_plan
from brokerbench.model import (
    Candidate,
    Group,
    Load,
    LoadModel,
    Margins,
    Plan,
    Role,
    Scenario,
    Topology,
    TrialKind,
    format_duration,
)
from brokerbench_scenarios import redacted, without_secrets

from ._errors import BAD_INPUT, OK
from ._scenario import load_scenario

__all__ = ["as_json", "command", "lines", "on_top"]

LONG_S = 3600.0  # said before the start


@click.command("validate")
@click.argument("file")
@click.option(
    "-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Set a key of the file, like -o load.warmup=2s."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Decides the order of trials.")
@click.option("--json", "machine", is_flag=True, help="Print the plan as JSON.")
def command(file: str, overrides: Sequence[str], seed: int, machine: bool) -> int:
    """Check a scenario file; print what will be run, and how long it takes.

    FILE is a path, or the name of a shipped scenario: compare-brokers, demo, order-events, saturate.
    """
    loaded = load_scenario(file, overrides)
    plan = make_plan(loaded.scenario, loaded.drivers, seed)
    if machine:
        click.echo(json.dumps(as_json(plan, loaded.secrets), indent=2))
    else:
        for line in lines(plan):
            click.echo(without_secrets(line, loaded.secrets))
    return OK if plan.trials else BAD_INPUT


def as_json(plan: Plan, secrets: Sequence[str] = ()) -> dict[str, Any]:
    candidates = {
        each.name: {
            "driver": each.driver,
            "client": each.client,
            "server": each.server.kind.value,
            "nodes": each.server.nodes,
            "role": each.role.value,
            "excluded": each.excluded,
            "needs": [answer.model_dump(mode="json") for answer in each.needs],
            "promise": each.promise
            and {
                "guarantee": each.promise.guarantee.value,
                "survives": each.promise.survives.value,
                "point": each.promise.point.value,
                "settings": dict(each.promise.settings),
                "notes": list(each.promise.notes),
            },
        }
        for each in plan.candidates
    }
    trials = [
        {"id": t.id, "block": t.block, "order": t.order, "candidate": t.candidate, "kind": t.kind.value}
        for t in plan.trials
    ]
    found = {"seed": plan.seed, "length_s": plan.length_s, "candidates": candidates, "trials": trials}
    plain: dict[str, Any] = without_secrets(found, secrets)
    return {"scenario": redacted(plan.scenario, secrets), **plain}


def lines(plan: Plan) -> list[str]:
    """The plan, as a person reads it."""
    scenario = plan.scenario
    taking_part = [each for each in plan.candidates if each.excluded is None]
    excluded = [each for each in plan.candidates if each.excluded is not None]
    out = [scenario.scenario + (f": {scenario.question}" if scenario.question else ""), ""]
    out += [*_question(plan), "", "candidates"]
    out += [line for each in taking_part for line in _candidate(each, plan)] or ["  none"]
    if excluded:
        out += ["", "excluded"]
        out += [line for each in excluded for line in (f"  {each.name}: {each.excluded}", *_answers(each))]
    if not plan.trials:
        return [*out, "", "Nothing can be run: no candidate is left."]
    out += ["", f"trials (order by seed {plan.seed})"]
    for (block, kind), trials in groupby(plan.trials, key=lambda trial: (trial.block, trial.kind)):
        ask = " (if undecided)" if kind is TrialKind.SECOND_LOOK else ""
        out.append(f"  block {block}{ask}: {', '.join(trial.candidate for trial in trials)}")
    return [*out, "", *_length(plan)]


def _question(plan: Plan) -> list[str]:
    scenario = plan.scenario
    load, message = scenario.load, scenario.message
    how = f"{load.how} in total" if load.model is LoadModel.OPEN else load.how
    delivery = scenario.delivery
    sides, *groups = _topology(scenario.topology, load)
    slo = [f"  slo        {each.metric} {each.op} {_limit(each.metric, each.value)}" for each in scenario.slo]
    return [
        f"  load       {load.model.value}, {how}; warm-up {format_duration(load.warmup_s)},"
        f" measured {format_duration(load.measure_s)}, drain up to {format_duration(load.drain_s)}",
        f"  message    {message.text}",
        f"  topology   {sides}",
        *(f"  group      {group}" for group in groups),
        *([f"  churn      {scenario.topology.churn.text}"] if scenario.topology.churn else []),
        *_pattern(scenario),
        f"  delivery   {delivery.guarantee.value}, survives {delivery.survives.value},"
        f" {'one message of each user' if load.users else f'{delivery.in_flight:,}'} in flight per producer",
        *([f"  needs      {', '.join(need.text for need in scenario.needs)}"] if scenario.needs else []),
        *slo,
        f"  primary    {scenario.primary}",
        f"  repeats    {scenario.repeats.text}",
        *_margins(scenario.margins),
    ]


def _pattern(scenario: Scenario) -> list[str]:
    if not scenario.topology.answered:
        return []
    ends = {
        LoadModel.CLOSED: "; a user waits for the reply",
        LoadModel.SATURATE: "; a slot is free once its reply came",
    }
    (group,) = scenario.topology.groups
    return [
        f"  pattern    request-reply: {group} answers each message to its producer{ends.get(scenario.load.model, '')}",
        "  response   from the intended time to the reply received",
    ]


def _bound(group: Group, load: Load) -> str:
    """What its consumers can work off, where they are asked to work; and that it is less than what comes."""
    most = group.most_msgs_s
    if most is None:
        return ""
    short = load.rate_msgs_s is not None and most < load.rate_msgs_s
    return f"; at most {most:,.4g} msg/s{': LESS THAN THE LOAD' if short else ''}"


def _margins(margins: Margins) -> list[str]:
    given = [f"{name} {100 * value:g} %" for name, value in margins if value is not None]
    return [f"  margins    {', '.join(given)}: a smaller difference is none"] if given else []


def _limit(metric: str, value: float) -> str:
    if "." in metric:
        return f"{value:g} ms"
    return f"{value:,g} msg/s" if metric.endswith("_msgs_s") else f"{value:g}"


def _candidate(each: Candidate, plan: Plan) -> list[str]:
    asked, promise = plan.scenario.delivery, each.promise
    role = ", floor: not ranked" if each.role is Role.FLOOR else ""
    out = [f"  {each.name} ({each.driver}, client {each.client}, server {each.server.text}{role})"]
    out += [f"    its own: {text}" for text in _own(each.name, plan.scenario)]
    if promise is None:
        return out
    same = (promise.guarantee, promise.survives) == (asked.guarantee, asked.survives)
    stronger = "" if same or each.role is Role.FLOOR else " (stronger than asked)"
    point = f"promised once {promise.point.value.replace('-', ' ')}"
    out.append(f"    {promise.guarantee.value}, survives {promise.survives.value}{stronger}, {point}")
    return [*out, *(f"    {note}" for note in promise.notes), *_answers(each)]


def _answers(each: Candidate) -> list[str]:
    """To each need of the scenario."""
    return [
        f"    {answer.need}: {answer.having.value}{f' ({answer.says})' if answer.says else ''}" for answer in each.needs
    ]


def _own(name: str, scenario: Scenario) -> Iterator[str]:
    """What it is set up with otherwise than the others."""
    asked = scenario.of(name)
    if asked.message != scenario.message:
        yield asked.message.text
    if asked.topology != scenario.topology:
        yield "; ".join(_topology(asked.topology, asked.load))
    if asked.delivery != scenario.delivery:
        yield f"{asked.delivery.in_flight:,} in flight per producer"


def _topology(topology: Topology, load: Load) -> Iterator[str]:
    yield f"producers {topology.producers}, partitions {topology.partitions}{topology.dealt}"
    for name, group in topology.groups.items():
        yield f"{name}: {group.words}{_bound(group, load)}"


def on_top(plan: Plan) -> str:
    """What no plan can count beforehand. A smoke run makes no ceilings and no further trials."""
    more = [] if plan.smoke else ["ceilings", "repeats of disturbed trials (2 each at most)"]
    if more and plan.scenario.load.model is LoadModel.SATURATE:
        more.append("probes")
    return f"on top: {', '.join(['starting servers', *more])}"


def _length(plan: Plan) -> list[str]:
    load = plan.scenario.load
    least = plan.length_s
    most = least + len(plan.trials) * load.drain_s
    out = [
        f"length: {'at most ' if plan.looks else ''}{len(plan.trials)} trials, {format_duration(least)} of load,"
        f" at most {format_duration(most)} with drains; {on_top(plan)}"
    ]
    if least >= LONG_S:
        said = format_duration(least)
        out.append(f"This is long ({said}): ask for fewer blocks or a shorter stage, or try it with `run --short`.")
    return out
