"""What a run tells while it runs: to a terminal, as plain lines, or as JSON; each of them sees the same moments."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from brokerbench.model import LoadModel, Plan, Trial, TrialKind
from brokerbench_analysis.metrics import is_bound, whole_way

from ._live import Moment, Watch

__all__ = ["Progress", "State", "View", "place_of"]

_MARKS = {"valid": "●", "suspect": "◐", "invalid": "○", "failed": "✗", "interrupted": "◌"}
_OVERHEAD_S = 4.0  # connecting, draining and reading back, until the first trials have shown it


@dataclass
class State:
    """How far the run is."""

    marks: dict[str, str]  # candidate -> one mark for each of its trials that ended
    of: int  # trials in all
    brief: dict[str, str] = field(default_factory=dict)  # candidate -> its newest trial, in 36 letters or so
    number: int = 0
    trial: Trial | None = None
    phase: str = "starting servers"
    moment: Moment | None = None
    left_s: float = 0.0


class View(Protocol):
    """Who shows it. `told` is what the state does not say: a server that is up, a trial that ended."""

    def __enter__(self) -> object: ...

    def __exit__(self, *_: object) -> None: ...

    def say(self, text: str) -> None: ...

    def event(self, kind: str, about: Mapping[str, Any]) -> None:
        """`kind` and `about` as docs/live.md has them."""

    def show(self, state: State, *, fresh: bool) -> None:
        """At every beat; `fresh` where the state has changed."""


class Progress:
    """An Observer for `engine.run.execute`; a context manager that owns its views."""

    def __init__(self, plan: Plan, views: Sequence[View]) -> None:
        self._plan, self._views = plan, views
        self.state = State({c.name: "" for c in plan.candidates if c.excluded is None}, len(plan.trials))
        self._watch: Watch | None = None
        self._took: list[float] = []
        self._validity: Mapping[str, Any] = {}
        self._figures = ""  # of the trial that has just ended
        self._trial_began = time.monotonic()

    def __enter__(self) -> "Progress":
        for view in self._views:
            view.__enter__()
        plan = self._plan
        excluded = {c.name: c.excluded for c in plan.candidates if c.excluded is not None}
        told = {"scenario": plan.scenario.scenario, "candidates": list(self.state.marks), "excluded": excluded}
        self._event("plan", told | {"trials": len(plan.trials), "load_s": plan.length_s, "seed": plan.seed})
        return self

    def __exit__(self, *error: object) -> None:
        for view in self._views:
            view.__exit__(*error)

    def __call__(self, kind: str, about: dict[str, Any]) -> None:
        fresh = True
        match kind:
            case "folder":
                self._event("folder", {"folder": str(about["folder"])})
            case "say":
                self._say(about["text"])
            case "server":
                version = about["about"].get("version", "")
                self._say(f"{about['candidate']}: server up {version}".rstrip())
            case "trial":
                self._begins(about)
            case "phase":
                self.state.phase = about["phase"]
            case "load":
                load = self._plan.scenario.load
                self.state.phase, asks = "load", load.model is LoadModel.OPEN
                self._watch = Watch(about, warmup_s=load.warmup_s, measure_s=load.measure_s, asks=asks)
            case "trial-end":
                self._ended(about)
            case _:
                fresh = self._looked()
        self.state.left_s = self._left_s()
        for view in self._views:
            view.show(self.state, fresh=fresh)

    def figures(self, summary: Mapping[str, Any]) -> None:
        """What analysis made of the trial that has just ended."""
        wanted = self.state.trial
        for name, candidate in summary["candidates"].items():
            for trial in candidate["trials"]:
                if wanted is not None and trial["id"] == wanted.id:
                    self._figures = " · ".join(_figures(trial, ("p50", "p99")))
                    self.state.brief[name] = " · ".join(_figures(trial, ("p99",)))
                    self._validity = trial["validity"]

    def _begins(self, about: Mapping[str, Any]) -> None:
        trial, state = about["trial"], self.state
        state.trial, state.number, state.of = trial, about["number"], about["of"]
        state.phase, state.moment, self._watch, self._validity = "connecting", None, None, {}
        self._figures = ""
        self._trial_began = time.monotonic()
        told = {"trial": trial.id, "candidate": trial.candidate, "block": trial.block}
        self._event("trial", told | {"number": state.number, "of": state.of})

    def _looked(self) -> bool:
        moment = self._watch.look(time.monotonic_ns()) if self._watch else None
        if moment is None or self.state.trial is None:
            return False
        self.state.moment = moment
        self._event("second", {"trial": self.state.trial.id, "left_s": round(self._left_s(), 1)} | vars(moment))
        return True

    def _ended(self, about: Mapping[str, Any]) -> None:
        trial, outcome, state = about["trial"], about["outcome"], self.state
        self._took.append(time.monotonic() - self._trial_began)
        self._watch = None
        standing = self._validity.get("state") if outcome.state == "finished" else outcome.state
        state.marks[trial.candidate] += _MARKS.get(str(standing), "?")
        told = outcome.reason or self._figures
        self._say(f"[{state.number}/{state.of}] {trial.candidate}, {place_of(trial)}: {outcome.state}; {told}")
        ended = {"trial": trial.id, "candidate": trial.candidate, "state": outcome.state, "reason": outcome.reason}
        self._event("trial-end", ended | {"validity": self._validity or None})

    def _left_s(self) -> float:
        load = self._plan.scenario.load
        each = sum(self._took) / len(self._took) if self._took else load.warmup_s + load.measure_s + _OVERHEAD_S
        return max(0.0, (self.state.of - len(self._took)) * each - (time.monotonic() - self._trial_began))

    def _say(self, text: str) -> None:
        for view in self._views:
            view.say(text)

    def _event(self, kind: str, about: Mapping[str, Any]) -> None:
        for view in self._views:
            view.event(kind, about)


def place_of(trial: Trial) -> str:
    """What it is in its run."""
    if trial.kind is TrialKind.PROBE:
        return "one more worker"
    return f"block {trial.block}" + (" again" if trial.kind is TrialKind.REPEAT else "")


def _figures(trial: Mapping[str, Any], percentiles: Sequence[str]) -> Iterator[str]:
    """One trial in a line: validity first."""
    yield trial["validity"]["state"]
    if trial["state"] != "finished":
        return
    way, rate = whole_way(trial), trial["delivered_msgs_s"]
    latency = trial[f"{way}_ms"]
    if rate is not None:
        yield f"{rate:,.0f} msg/s"
    for figure in percentiles:
        if latency and latency[figure] is not None:
            words = f"{way.replace('_', '-')} {figure}" if figure == "p50" else figure
            yield f"{words} {'at least ' if is_bound(latency, figure) else ''}{latency[figure]:.2f} ms"
    if trial["ledger"]:
        yield f"lost {trial['ledger']['lost']:,}"
