"""A run: servers up, every trial of the plan and those that follow from it, servers down.

The folder is whole at every moment.
"""

import secrets
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from brokerbench.contract import Driver
from brokerbench.model import LoadModel, Plan, Trial, TrialKind
from brokerbench.servers import Guardian, NotAvailable

from .beyond import Extras, near_limit, with_one_more
from .ceiling import measure_ceilings
from .coding_costs import coding_costs
from .drawn import drawn
from .fleet import LocalFleet
from .folder import RunFolder
from .options import RunOptions
from .planner import Excluded, processes_of
from .runjson import run_json, trial_json
from .servers_up import Servers
from .standby import Standby
from .trial import Outcome, TrialContext, run_trial

__all__ = ["RunOptions", "execute"]


def execute(plan: Plan, drivers: Mapping[str, Driver], options: RunOptions) -> Path:
    """Run the plan and return the run folder. Trials that fail are recorded and the run goes on."""
    folder = RunFolder(options.results, plan.scenario.scenario, options.hide(run_json(plan, drivers, options)))
    options.observe("folder", {"folder": folder.path})
    status = "failed"
    try:
        with Guardian() as guardian:
            _messages(plan, options, folder)
            _ceilings(plan, drivers, options, folder, guardian)
            servers = Servers(plan, drivers, guardian, folder, options)
            if not options.stop_asked():
                servers.start_all()
            fewest = min((processes_of(plan.scenario.of(trial.candidate)) for trial in plan.trials), default=0)
            standby = Standby(guardian, fewest)
            status = _Run(plan, drivers, options, folder, guardian, servers, standby).whole()
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        folder.end(status)
        options.after_trial(folder.path)
    return folder.path


def _messages(plan: Plan, options: RunOptions, folder: RunFolder) -> None:
    """While no server runs: what is sent, and what coding it costs."""
    folder.run["messages"] = drawn(plan)
    folder.run["coding"] = coding_costs(plan, options.observe)
    folder.save()


def _ceilings(
    plan: Plan, drivers: Mapping[str, Driver], options: RunOptions, folder: RunFolder, guardian: Guardian
) -> None:
    if options.cache is None:
        return
    folder.run["ceilings"] = options.hide(
        measure_ceilings(
            plan,
            drivers,
            options.references,
            guardian,
            environment=folder.run["environment"],
            observe=options.observe,
            stop_asked=options.stop_asked,
            cache_folder=options.cache,
        )
    )
    folder.save()


class _Run:
    """The plan's blocks, then what follows from them. A smoke run claims nothing, so nothing follows from it."""

    def __init__(
        self,
        plan: Plan,
        drivers: Mapping[str, Driver],
        options: RunOptions,
        folder: RunFolder,
        guardian: Guardian,
        servers: Servers,
        standby: Standby,
    ) -> None:
        self._plan, self._drivers, self._options = plan, drivers, options
        self._folder, self._guardian, self._servers, self._standby = folder, guardian, servers, standby
        self._id = secrets.token_hex(4)
        self._extras = Extras(plan)
        self._outcomes: defaultdict[str, list[Outcome]] = defaultdict(list)
        self._begun = 0

    def whole(self) -> str:
        """Returns the run's status."""
        later = [trial for trial in self._plan.trials if trial.kind is TrialKind.SECOND_LOOK]
        self._blocks([trial for trial in self._plan.trials if trial not in later])
        if later and self._goes_on(later):
            self._blocks(later)
        self._probes()
        self._standby.close()
        return "interrupted" if self._options.stop_asked() else "finished"

    def _blocks(self, trials: Sequence[Trial]) -> None:
        for _, block in groupby(trials, key=lambda trial: trial.block):
            left = deque(block)
            while left and not self._options.stop_asked():
                trial = left.popleft()
                outcome = self._one(trial, self._plan)
                if outcome.state != "finished":
                    continue
                again = self._repeats(trial) if outcome.contaminated and not self._plan.smoke else []
                left.extend(again)
                if not again:
                    self._outcomes[trial.candidate].append(outcome)

    def _repeats(self, trial: Trial) -> list[Trial]:
        again = self._extras.repeat(trial)
        if again is None:
            self._say(f"{trial.id}: the machine was taken away from it too; it is not made again")
            return []
        self._say(f"{trial.id}: the machine was taken away from it; {again.id} will stand in at the end of its block")
        self._add(again)
        return [again]

    def _goes_on(self, later: Sequence[Trial]) -> bool:
        """The first look, as planned: whether the later blocks are worth their time."""
        if self._options.stop_asked():
            return False
        goes_on = self._options.undecided(self._folder.path)
        self._folder.run["looks"]["went_on"] = goes_on
        self._folder.save()
        if goes_on:
            self._say("first look: undecided; the later blocks follow")
            return True
        self._say("first look: nothing is undecided; the later blocks are left out")
        for trial in later:
            self._folder.set_trial(trial.id, "skipped", "decided at the first look")
        return False

    def _probes(self) -> None:
        """Whose limit was it? Where the generator may have been it, one trial with one more worker on each side."""
        saturates = self._plan.scenario.load.model is LoadModel.SATURATE
        if self._plan.smoke or not saturates or not self._options.probes:
            return
        ceilings = self._folder.run["ceilings"] or {}
        for candidate in self._plan.candidates:
            why = near_limit(self._outcomes[candidate.name], ceilings.get(candidate.name))
            if why is None or self._options.stop_asked():
                continue
            try:
                wider = with_one_more(self._plan, candidate.name, self._drivers[candidate.driver])
            except Excluded as cannot:
                self._say(f"{candidate.name}: {why}, but one more worker cannot be tried: {cannot}")
                continue
            probe = self._extras.probe(candidate.name)
            self._say(
                f"{candidate.name}: {why}; {probe.id} tries one more producer, and one more consumer in each group"
            )
            self._add(probe)
            self._one(probe, wider)

    def _add(self, trial: Trial) -> None:
        self._folder.run["trials"].append(trial_json(trial))
        self._folder.save()

    def _say(self, text: str) -> None:
        self._options.observe("say", {"text": text})

    def _one(self, trial: Trial, plan: Plan) -> Outcome:
        options, folder = self._options, self._folder
        self._begun += 1
        of = sum(entry["state"] != "skipped" for entry in folder.run["trials"])
        options.observe("trial", {"trial": trial, "number": self._begun, "of": of})
        folder.set_trial(trial.id, "running")
        try:
            outcome = run_trial(self._context(trial, plan), folder.trial(trial.id))
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
        return outcome

    def _context(self, trial: Trial, plan: Plan) -> TrialContext:
        """Raises NotAvailable when the candidate's server does not come up."""
        candidate, options = plan.candidate(trial.candidate), self._options
        server = self._servers.up(candidate)
        return TrialContext(
            guardian=self._guardian,
            fleet=partial(LocalFleet, self._guardian, standby=self._standby),
            plan=plan,
            run_id=self._id,
            trial=trial,
            candidate=candidate,
            driver=self._drivers[candidate.driver],
            reference=options.references[candidate.driver],
            address=server.address,
            about=server.about,
            server_pids=self._servers.pids(candidate),
            server_ended=self._servers.watch(candidate),
            stop_asked=options.stop_asked,
            observe=options.observe,
            hide=options.hide,
            closed=self._make_ready,
        )

    def _make_ready(self) -> None:
        """The next trial's children start while this one is read back."""
        if any(entry["state"] == "planned" for entry in self._folder.run["trials"]) and not self._options.stop_asked():
            self._standby.fill()
