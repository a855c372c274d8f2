"""What run.json holds when a run begins, as docs/run-folder.md has it."""

from collections.abc import Mapping
from typing import Any

from brokerbench import __version__
from brokerbench.contract import Driver
from brokerbench.model import Candidate, Plan, Trial
from brokerbench.servers import data_home

from .environment import environment, fingerprint, packages_of
from .folder import now_iso
from .options import RunOptions
from .planner import settings_of

__all__ = ["run_json", "trial_json"]


def run_json(plan: Plan, drivers: Mapping[str, Driver], options: RunOptions) -> dict[str, Any]:
    return {
        "schema": 1,
        "brokerbench": __version__,
        "scenario": dict(options.redacted),
        "scenario_text": options.source_text,
        "seed": plan.seed,
        "smoke": plan.smoke,
        "started": now_iso(),
        "finished": None,
        "status": "running",
        "environment": environment(packages_of(list(drivers.values())), data_home())
        | {"scenario_sha256": fingerprint(options.redacted)},
        "candidates": {c.name: _candidate_json(c, drivers[c.driver]) for c in plan.candidates},
        "messages": None,
        "coding": None,
        "ceilings": None,
        "looks": _looks_json(plan, options),
        "trials": [trial_json(trial) for trial in plan.trials],
    }


def trial_json(trial: Trial) -> dict[str, Any]:
    return {
        "id": trial.id,
        "block": trial.block,
        "order": trial.order,
        "candidate": trial.candidate,
        "seed": trial.seed,
        "tag": trial.tag,
        "kind": trial.kind.value,
        "repeats": trial.repeats,
        "state": "planned",
        "reason": None,
    }


def _looks_json(plan: Plan, options: RunOptions) -> dict[str, Any] | None:
    if plan.looks is None:
        return None
    first, second = plan.looks
    alpha_first, alpha_second = options.look_levels(first, second)
    return {
        "first": first,
        "second": second,
        "went_on": None,
        "alpha_first": alpha_first,
        "alpha_second": alpha_second,
    }


def _candidate_json(candidate: Candidate, driver: Driver) -> dict[str, Any]:
    promise = candidate.promise
    return {
        "driver": candidate.driver,
        "title": driver.title,
        "client": candidate.client,
        "generator": "fast" if candidate.client in driver.fast_clients else "library",
        "server": candidate.server.kind.value,
        "nodes": candidate.server.nodes,
        "role": candidate.role.value,
        "excluded": candidate.excluded,
        "needs": [each.model_dump(mode="json") for each in candidate.needs],
        "qualities": [each.model_dump(mode="json", exclude_defaults=True) for each in candidate.qualities],
        "features": sorted(str(f) for f in driver.features(settings_of(driver, candidate))) if promise else [],
        "promise": None
        if promise is None
        else {
            "guarantee": promise.guarantee.value,
            "survives": promise.survives.value,
            "point": promise.point.value,
            "settings": dict(promise.settings),
            "notes": list(promise.notes),
        },
    }
