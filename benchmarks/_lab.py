"""What the benchmarks share: a server, a saturating trial through the engine, and a table of paired ratios."""

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brokerbench_drivers
from brokerbench.engine.planner import make_plan
from brokerbench.engine.run import RunOptions, execute
from brokerbench.model import Broker, Delivery, Group, Load, Message, Repeats, Scenario, Topology
from brokerbench.servers import Guardian
from brokerbench_analysis import write_summary

__all__ = ["Through", "Trial", "engine_trial", "paired", "server", "through_engine"]

_WARM_UPS = 5
Through = Mapping[str, Any]


@contextmanager
def server(driver_name: str) -> Iterator[Mapping[str, Any]]:
    """The address of a fresh server of that driver, started by its first recipe that can."""
    driver = brokerbench_drivers.load(driver_name)
    recipe = next(r for r in driver.servers.values() if r.available().ready or r.available().fetchable)
    recipe.fetch(print)
    with Guardian() as guardian, tempfile.TemporaryDirectory() as logs:
        yield recipe.start(guardian.host(driver_name, Path(logs)), driver.Settings()).address


def through_engine(
    broker: Mapping[str, Any], *, size: str, in_flight: int, prefetch: int, seconds: float, guarantee: str, model: str
) -> Through:
    """One trial; returns its trial.json with the ledger in it."""
    load = {"model": model, "warmup": "1s", "drain": "20s", "stages": [{"steady": f"{seconds}s"}]}
    done = engine_trial(broker, load, guarantee=guarantee, size=size, in_flight=in_flight, prefetch=prefetch)
    return {**done.trial, "delivered_msgs_s": sum(c["unique_by_time"] for c in done.trial["consumers"]) / seconds}


@dataclass(frozen=True)
class Trial:
    trial: Through  # trial.json, with the ledger in it
    record: Through  # its row of summary.json


def engine_trial(
    broker: Mapping[str, Any],
    load: Mapping[str, Any],
    *,
    guarantee: str,
    size: str = "100B",
    in_flight: int = 1000,
    prefetch: int = 500,
) -> Trial:
    scenario = Scenario(
        scenario="bench",
        brokers={"it": Broker(**broker)},
        topology=Topology(groups={"all": Group(prefetch=prefetch)}),
        message=Message.model_validate({"size": size}),
        delivery=Delivery.model_validate({"guarantee": guarantee, "in_flight": in_flight}),
        load=Load.model_validate(load),
        repeats=Repeats(blocks=1),
    )
    drivers = {broker["driver"]: brokerbench_drivers.load(broker["driver"])}
    plan = make_plan(scenario, drivers, seed=1)
    if not plan.trials:
        sys.exit(f"{broker}: {plan.candidates[0].excluded}")
    with tempfile.TemporaryDirectory() as results:
        options = RunOptions(
            results=Path(results),
            references={name: brokerbench_drivers.reference(name) for name in drivers},
            redacted=scenario.model_dump(mode="json"),
            source_text="",
            observe=lambda kind, about: None,
            stop_asked=lambda: False,
            after_trial=lambda folder: None,
        )
        folder = execute(plan, drivers, options)
        home = folder / "trials" / plan.trials[0].id
        trial: dict[str, Any] = json.loads((home / "trial.json").read_text())
        if trial["state"] != "finished":
            sys.exit(f"{broker}: {trial['reason']}")
        trial["ledger"] = json.loads((home / "ledger.json").read_text())
        return Trial(trial, write_summary(folder)["candidates"]["it"]["trials"][0])


def paired(title: str, pairs: int, ours: Callable[[], float], bare: Callable[[], float]) -> None:
    """Ours and the bare loop in turn, so that a drift of the machine meets both; prints rates and ratios.

    Before that the bare loop runs a few times uncounted: a JVM gets faster for its first half minute under load.
    """
    for _ in range(_WARM_UPS):
        bare()
    rows = []
    for turn in range(pairs):
        first, second = (ours, bare) if turn % 2 else (bare, ours)
        one, two = first(), second()
        rows.append((two, one) if turn % 2 == 0 else (one, two))
    ratios = sorted(a / b for a, b in rows)
    print(f"{title}")
    print(f"  engine  {_spread([a for a, _ in rows])} msg/s")
    print(f"  bare    {_spread([b for _, b in rows])} msg/s")
    print(f"  ratio   median {statistics.median(ratios):.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f}, {pairs} pairs")


def _spread(values: list[float]) -> str:
    return f"median {statistics.median(values):,.0f}, from {min(values):,.0f} to {max(values):,.0f}"
