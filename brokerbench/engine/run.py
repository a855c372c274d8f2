"""A run: servers up, every trial of the plan in its order, servers down; the folder is whole at every moment."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from brokerbench.contract import Driver
from brokerbench.model import Candidate, Plan, ServerKind, Trial
from brokerbench.servers import Guardian, Host, NotAvailable, Server

from .environment import environment
from .fleet import LocalFleet
from .folder import RunFolder, now_iso
from .planner import settings_of
from .trial import Outcome, TrialContext, run_trial

__all__ = ["Observer", "RunOptions", "execute", "packages_of"]

Observer = Callable[[str, dict[str, Any]], None]


class RunOptions:
    """What the caller adds to a plan.

    `references` names each driver's object for the children ("module:DRIVER"); `redacted` is the scenario as run.json
    shows it; `hide` takes secrets out of whatever else is written; `after_trial` gets the folder after every trial.
    """

    def __init__(
        self,
        *,
        results: Path,
        references: Mapping[str, str],
        redacted: Mapping[str, Any],
        source_text: str,
        observe: Observer,
        stop_asked: Callable[[], bool],
        after_trial: Callable[[Path], None],
        hide: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self.results, self.references = results, references
        self.redacted, self.source_text, self.hide = redacted, source_text, hide
        self.observe, self.stop_asked, self.after_trial = observe, stop_asked, after_trial


def packages_of(drivers: Sequence[Driver]) -> list[str]:
    """Distributions whose versions belong into the record: what provides the drivers' client modules, and our own."""
    from importlib import metadata

    providers = metadata.packages_distributions()
    modules = {module.partition(".")[0] for driver in drivers for module in driver.clients.values()}
    return ["brokerbench", "numpy", *{name for module in modules for name in providers.get(module, [])}]


def execute(plan: Plan, drivers: Mapping[str, Driver], options: RunOptions) -> Path:
    """Run the plan and return the run folder. Trials that fail are recorded and the run goes on."""
    folder = RunFolder(options.results, plan.scenario.scenario, options.hide(_run_json(plan, drivers, options)))
    options.observe("folder", {"folder": folder.path})
    status = "failed"
    try:
        with Guardian() as guardian:
            servers = _Servers(plan, drivers, guardian, folder, options)
            servers.start_all()
            status = _trials(plan, drivers, options, folder, guardian, servers)
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        folder.end(status)
        options.after_trial(folder.path)
    return folder.path


def _trials(
    plan: Plan,
    drivers: Mapping[str, Driver],
    options: RunOptions,
    folder: RunFolder,
    guardian: Guardian,
    servers: "_Servers",
) -> str:
    run_id = secrets.token_hex(4)
    for number, trial in enumerate(plan.trials, 1):
        if options.stop_asked():
            return "interrupted"
        candidate = plan.candidate(trial.candidate)
        options.observe("trial", {"trial": trial, "number": number, "of": len(plan.trials)})
        folder.set_trial(trial.id, "running")
        try:
            server = servers.up(candidate)
            context = TrialContext(
                guardian=guardian,
                fleet=partial(LocalFleet, guardian),
                plan=plan,
                run_id=run_id,
                trial=trial,
                candidate=candidate,
                driver=drivers[candidate.driver],
                reference=options.references[candidate.driver],
                address=server.address,
                about=server.about,
                server_pids=servers.pids(candidate),
                stop_asked=options.stop_asked,
                observe=options.observe,
                hide=options.hide,
            )
            outcome = run_trial(context, folder.trial(trial.id))
        except NotAvailable as error:
            outcome = Outcome("failed", str(error))
        except KeyboardInterrupt:
            folder.set_trial(trial.id, "interrupted", "stopped by the user at once")
            raise
        except Exception as error:
            folder.set_trial(trial.id, "failed", options.hide(str(error) or type(error).__name__))
            raise
        folder.set_trial(trial.id, outcome.state, options.hide(outcome.reason))
        options.after_trial(folder.path)
        options.observe("trial-end", {"trial": trial, "outcome": outcome, "folder": folder.path})
    return "interrupted" if options.stop_asked() else "finished"


class _Servers:
    """One server for candidates whose recipe and key are the same; kept up for the run, started again if it died."""

    def __init__(
        self, plan: Plan, drivers: Mapping[str, Driver], guardian: Guardian, folder: RunFolder, options: RunOptions
    ) -> None:
        self._drivers, self._guardian, self._folder, self._options = drivers, guardian, folder, options
        self._candidates = [c for c in plan.candidates if c.excluded is None]
        self._up: dict[str, Server] = {}
        self._failed: dict[str, str] = {}
        self._tries = 0

    def start_all(self) -> None:
        """Before the first trial and side by side: a cold start must not fall into another candidate's trial."""
        first = {self._key(c): c for c in reversed(self._candidates)}
        with ThreadPoolExecutor(max_workers=max(1, len(first))) as pool:
            list(pool.map(self._try_start, first.values()))

    def up(self, candidate: Candidate) -> Server:
        """Raises NotAvailable with the reason when it does not come up."""
        key = self._key(candidate)
        server = self._up.get(key)
        if server is not None and server.process is not None and not server.process.alive():
            del self._up[key]
        if key not in self._up and key not in self._failed:
            self._try_start(candidate)
        if key in self._failed:
            raise NotAvailable(self._failed[key])
        return self._up[key]

    def pids(self, candidate: Candidate) -> Callable[[], dict[str, list[int]]]:
        """The processes of the candidate's own server, and of the servers that wait for their trials."""
        mine = self._up[self._key(candidate)].process
        waiting = [server.process for server in self._up.values() if server.process is not mine]

        def look() -> dict[str, list[int]]:
            groups: dict[str, list[int]] = {"broker": [], "other_servers": []}
            for process, pids in self._guardian.pids().items():
                if process is mine:
                    groups["broker"] += pids
                elif process in waiting:
                    groups["other_servers"] += pids
            return groups

        return look

    def _key(self, candidate: Candidate) -> str:
        driver = self._drivers[candidate.driver]
        if candidate.server is ServerKind.EXTERNAL:
            return f"{driver.name}/external/{candidate.url}"
        return (
            f"{driver.name}/{candidate.server}/{driver.servers[candidate.server].key(settings_of(driver, candidate))}"
        )

    def _try_start(self, candidate: Candidate) -> None:
        key, driver = self._key(candidate), self._drivers[candidate.driver]
        try:
            if candidate.server is ServerKind.EXTERNAL:
                self._up[key] = Server(address=driver.address(str(candidate.url)), process=None, about={})
                return
            recipe = driver.servers[candidate.server]
            if not recipe.available().ready:
                recipe.fetch(lambda text: self._options.observe("say", {"text": text}))
            self._up[key] = recipe.start(self._host(candidate), settings_of(driver, candidate))
            self._options.observe("server", {"candidate": candidate.name, "about": self._up[key].about})
        except NotAvailable as error:
            self._failed[key] = f"{candidate.name}: {error}"

    def _host(self, candidate: Candidate) -> Host:
        self._tries += 1
        name = candidate.name if self._tries <= len(self._candidates) else f"{candidate.name}-{self._tries}"
        return self._guardian.host(
            name, self._folder.logs(name), lambda text: self._options.observe("say", {"text": text})
        )


def _run_json(plan: Plan, drivers: Mapping[str, Driver], options: RunOptions) -> dict[str, Any]:
    from brokerbench import __version__

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
        "environment": environment(packages_of(list(drivers.values()))),
        "candidates": {c.name: _candidate_json(c, drivers[c.driver]) for c in plan.candidates},
        "trials": [_trial_json(trial) for trial in plan.trials],
    }


def _candidate_json(candidate: Candidate, driver: Driver) -> dict[str, Any]:
    promise = candidate.promise
    return {
        "driver": candidate.driver,
        "title": driver.title,
        "client": candidate.client,
        "server": candidate.server.value,
        "role": candidate.role.value,
        "excluded": candidate.excluded,
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


def _trial_json(trial: Trial) -> dict[str, Any]:
    return {
        "id": trial.id,
        "block": trial.block,
        "order": trial.order,
        "candidate": trial.candidate,
        "seed": trial.seed,
        "tag": trial.tag,
        "state": "planned",
        "reason": None,
    }
