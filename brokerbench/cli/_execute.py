"""From a checked scenario to a finished run: what `run` and `demo` share."""

import json
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from rich.console import Console

import brokerbench_drivers
from brokerbench.contract import Driver
from brokerbench.engine.planner import make_plan, recipe_of
from brokerbench.engine.run import RunOptions, execute
from brokerbench.model import Plan, ServerKind, format_duration
from brokerbench.servers import GuardianLost, user_cache
from brokerbench_analysis import exit_status, look_levels, undecided, write_summary
from brokerbench_analysis.advice import FOLDER as PROOFS
from brokerbench_analysis.advice import NOTE
from brokerbench_reports.words import clean
from brokerbench_scenarios import redacted, shorten, without_secrets

from ._errors import FAILED, INTERRUPTED, BadInput
from ._events import Events
from ._progress import Progress
from ._scenario import Loaded
from ._views import console, link, view_for
from .validate import on_top

if TYPE_CHECKING:
    from ._prove import ProofRun

__all__ = ["RunRequest", "run_scenario"]


@dataclass(frozen=True)
class RunRequest:
    results: Path
    seed: int | None = None
    short: bool = False
    as_json: bool = False
    allow_busy: bool = False
    prove: int = 0  # pieces of advice that are tried after the run


class _Stop:
    """Ctrl-C once: drain, keep, report. Twice: stop now; the files are whole all the same."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self.asked = False

    def __call__(self, _signum: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._out.print("\nstopping: this trial drains and is kept; Ctrl-C again stops at once", highlight=False)

    @contextmanager
    def listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_scenario(loaded: Loaded, request: RunRequest) -> int:
    """Plan, run, analyse, report. The exit status is design.md's. Raises BadInput when nobody can take part."""
    out = console(to_stderr=request.as_json)
    scenario = shorten(loaded.scenario) if request.short else loaded.scenario
    drivers = {entry.driver: loaded.drivers[entry.driver] for entry in scenario.brokers.values()}
    plan = make_plan(scenario, drivers, _seed(request), smoke=request.short)
    _announce(plan, drivers, out)
    if not plan.trials:
        raise BadInput("no candidate can take part", "the reasons stand above; `brokerbench doctor` says more")
    events = Events() if request.as_json else None
    views = [view_for(out), *([events] if events else [])]
    with Progress(plan, views) as progress:
        folder, stopped = _execute(plan, drivers, loaded, request, out, progress)
    if request.prove and not stopped:
        stopped = _prove(folder, loaded, request, out, events)
    return _conclude(folder, stopped, out, events)


def _prove(folder: Path, loaded: Loaded, request: RunRequest, out: Console, events: Events | None) -> bool:
    """Try the first pieces of advice in runs below this one's folder. Returns whether the user stopped it."""
    from ._prove import proof_runs
    from .report import write_report

    proofs = proof_runs(write_summary(folder)["advice"], loaded, request.prove)
    if not proofs:
        out.print("\nnothing to prove: no piece of advice that paired trials can try", highlight=False)
    for proof in proofs:
        out.print(f"\nproof of {proof.words}", style="bold", markup=False, highlight=False, soft_wrap=True)
        drivers = {broker.driver: loaded.drivers[broker.driver] for broker in proof.scenario.brokers.values()}
        plan = make_plan(proof.scenario, drivers, _seed(request))
        _announce(plan, drivers, out)
        if {trial.candidate for trial in plan.trials} != set(proof.scenario.brokers):
            continue  # why somebody cannot take part has just been said
        below = replace(request, results=folder / PROOFS)
        told = replace(loaded, text=f"# A proof of {proof.words}\n{loaded.text}")
        with Progress(plan, [view_for(out)]) as progress:
            home, stopped = _execute(plan, drivers, told, below, out, progress, proof)
        write_report(home)
        if events:
            events.event("proof", {"of": proof.words, "folder": str(home)})
        if stopped:
            return True
    return False


def _seed(request: RunRequest) -> int:
    return request.seed if request.seed is not None else secrets.randbits(31)


def _announce(plan: Plan, drivers: dict[str, Driver], out: Console) -> None:
    """What will happen, before it does: who takes part, what is downloaded, how long it takes."""
    scenario = plan.scenario
    if scenario.question:
        out.print(scenario.question, style="bold", markup=False, highlight=False)
    for candidate in plan.candidates:
        if candidate.excluded is not None:
            out.print(
                f"  without {candidate.name}: {candidate.excluded}", markup=False, highlight=False, soft_wrap=True
            )
    if not plan.trials:
        return
    names = ", ".join(c.name for c in plan.candidates if c.excluded is None)
    out.print(
        f"  {names}: {scenario.load.how}, {scenario.message.text}, {scenario.repeats.text}",
        highlight=False,
        soft_wrap=True,
    )
    most = "at most " if plan.looks else ""
    out.print(
        f"  {most}{len(plan.trials)} trials, {format_duration(plan.length_s)} of load; seed {plan.seed}",
        highlight=False,
    )
    out.print(f"  {on_top(plan)}", highlight=False)
    for text in _downloads(plan, drivers):
        out.print(f"  {text}", markup=False, highlight=False)


def _downloads(plan: Plan, drivers: dict[str, Driver]) -> Iterator[str]:
    seen = set()
    for candidate in plan.candidates:
        if candidate.excluded is not None or candidate.server.kind is ServerKind.EXTERNAL:
            continue
        found = recipe_of(drivers[candidate.driver], candidate).available()
        if found.what not in seen:
            seen.add(found.what)
            if not found.ready and found.fetchable:
                yield f"to be downloaded once: {found.download_mb:.0f} MB ({found.what})"


def _execute(
    plan: Plan,
    drivers: dict[str, Driver],
    loaded: Loaded,
    request: RunRequest,
    out: Console,
    progress: Progress,
    proof: "ProofRun | None" = None,
) -> tuple[Path, bool]:
    """A proof says of which advice it is, and needs neither ceilings nor probes: it compares a broker with itself."""
    stop = _Stop(out)
    where: list[Path] = []

    def observe(kind: str, about: dict[str, Any]) -> None:
        if kind == "folder":
            where.append(about["folder"])
            if proof is not None:
                (about["folder"] / NOTE).write_text(json.dumps(proof.note, indent=1) + "\n", encoding="utf-8")
        progress(kind, about)

    options = RunOptions(
        results=request.results,
        references={name: brokerbench_drivers.reference(name) for name in drivers},
        redacted=redacted(plan.scenario, loaded.secrets),
        source_text=str(without_secrets(loaded.text, loaded.secrets)),
        hide=lambda value: without_secrets(value, loaded.secrets),
        observe=observe,
        stop_asked=lambda: stop.asked,
        after_trial=lambda folder: progress.figures(write_summary(folder)),
        undecided=lambda folder: undecided(write_summary(folder)),
        look_levels=look_levels,
        allow_busy=request.allow_busy,
        cache=None if proof is not None else user_cache(),
        probes=proof is None,
    )
    try:
        with stop.listening():
            return execute(plan, drivers, options), stop.asked
    except KeyboardInterrupt:
        return where[0], True
    except GuardianLost as lost:
        out.print(f"the run ended early: {lost}", markup=False, highlight=False, soft_wrap=True)
        return where[0], False
    except OSError as error:
        if where:
            raise
        raise BadInput(f"cannot write to {request.results}: {error.strerror}", "choose another --results") from error


def _conclude(folder: Path, stopped: bool, out: Console, events: Events | None) -> int:
    from ._index import write_index
    from .report import write_report

    summary = write_summary(folder)
    _print_result(summary, out)  # before the page: its charts take a few seconds
    [page] = write_report(folder)
    out.print(f"\n{link(page)}", markup=False, highlight=False, soft_wrap=True)
    try:
        out.print(f"all runs: {link(write_index(folder.parent))}", markup=False, highlight=False, soft_wrap=True)
    except BadInput as error:  # this run has its page
        out.print(error.message, markup=False, highlight=False, soft_wrap=True)
    status = FAILED if summary["status"] == "failed" else exit_status(summary)
    status = INTERRUPTED if stopped else status
    if events:
        sentence = summary["verdict"]["sentence"]
        told = {"exit_status": status, "verdict": sentence, "page": link(page), "summary": summary}
        events.event("finished", told)
        events.close()
    return status


def _print_result(summary: dict[str, Any], out: Console) -> None:
    from brokerbench_analysis.doubt import said

    from ._table import result_table

    out.print()
    out.print(result_table(summary))
    out.print()
    out.print(said(summary), style="bold", markup=False, highlight=False, soft_wrap=True)
    for row in summary["advice"]:
        told = row["proof"]["text"] if row["proof"] else "unproved"
        line = (
            f"advice for {row['candidate']}: {row['setting']} {row['from']} -> {row['to']}: {row['evidence']}; {told}"
        )
        out.print(clean(line), markup=False, highlight=False, soft_wrap=True)
    if any(row["provable"] and not row["proof"] for row in summary["advice"]):
        out.print("`brokerbench run ... --prove N` tries the first N of them", markup=False, highlight=False)
