"""A run in virtual time: the engine, the simulated broker and a run folder, without processes, sockets or waiting."""

import gc
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from brokerbench.engine.folder import RunFolder
from brokerbench.engine.options import RunOptions
from brokerbench.engine.planner import make_plan
from brokerbench.engine.runjson import run_json
from brokerbench.engine.trial import TrialContext, run_trial
from brokerbench.engine.virtual import VirtualClock, VirtualFleet
from brokerbench.model import Scenario
from brokerbench_analysis import load, write_summary
from brokerbench_drivers.simulated.virtual import VirtualDriver
from tests.support.truth import Truth

__all__ = ["run_virtual"]


class _Nobody:
    """Keeps no process, only a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self) -> None:
        pass


def run_virtual(
    results: Path,
    settings: Mapping[str, Any],
    *,
    rate: float | None,
    steady_s: float,
    warmup_s: float = 2.0,
    drain_s: float = 10.0,
    arrivals: str = "constant",
    in_flight: int = 100_000,
    producers: int = 1,
    guarantee: str = "at-least-once",
    seed: int = 1,
    closed: Mapping[str, Any] | None = None,
    stages: Sequence[Mapping[str, Any]] = (),
    message: Mapping[str, Any] | None = None,
    repliers: int = 0,
    groups: Mapping[str, Mapping[str, Any]] | None = None,
    churn: Mapping[str, Any] | None = None,
) -> Truth:
    """One trial of one simulated broker (settings in base units); `rate=None` saturates, or `closed` has users, or
    `stages` say it all. With `repliers`, each message is a request that one of them answers."""
    stage = {"steady_s": steady_s} | ({} if rate is None else {"rate_msgs_s": rate})
    scenario = Scenario.from_base(
        {
            "scenario": "truth",
            "brokers": {"it": {"driver": "simulated", "settings": settings}},
            "topology": {
                "pattern": "request-reply" if repliers else "stream",
                "producers": producers,
                "churn": churn,
                "groups": groups or {"all": {"consumers": repliers or 1}},
            },
            "message": message or {"size": 64},
            "delivery": {"guarantee": guarantee, "in_flight": in_flight},
            "load": {
                "model": "closed" if closed else "open" if rate or stages else "saturate",
                **(closed or {}),
                "arrivals": arrivals,
                "warmup_s": warmup_s,
                "stages": stages or [stage],
                "drain_s": drain_s,
            },
            "repeats": {"blocks": 1},
            "primary": "response.p99" if repliers else "end_to_end.p99",
        }
    )
    clock = VirtualClock()
    driver = VirtualDriver(clock)
    plan = make_plan(scenario, {"simulated": driver}, seed)
    options = RunOptions(
        results=results,
        references={},
        redacted=scenario.model_dump(mode="json"),
        source_text="",
        observe=lambda kind, about: None,
        stop_asked=lambda: False,
        after_trial=lambda folder: None,
    )
    folder = RunFolder(results, "truth", run_json(plan, {"simulated": driver}, options))
    trial = plan.trials[0]
    context = TrialContext(
        guardian=_Nobody(folder.path),
        fleet=partial(VirtualFleet, clock, driver),
        plan=plan,
        run_id="virtual",
        trial=trial,
        candidate=plan.candidates[0],
        driver=driver,
        reference="",
        address={},
        about={},
        server_pids=dict,
        server_ended=lambda: None,
        stop_asked=lambda: False,
        observe=lambda kind, about: None,
        hide=lambda value: value,
        clock=clock,
    )
    outcome = run_trial(context, folder.trial(trial.id))
    assert outcome.state == "finished", outcome.reason
    folder.set_trial(trial.id, outcome.state)
    folder.end("finished")
    write_summary(folder.path)
    account, *replies = driver.accounts.values()
    told = tuple(each.as_json() for each in replies)
    gc.collect()  # a load process's 16 MiB of bodies hang on cycles, and here nothing ends with a process
    return Truth(folder.path, load(folder.path), account.as_json(), account.arrays(), told)
