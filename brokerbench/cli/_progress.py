"""What a person sees while trials run: a live table on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from brokerbench.model import Plan, Trial, TrialKind, format_duration
from brokerbench_analysis.metrics import is_bound

__all__ = ["Progress"]

_MARKS = {"finished": "●", "failed": "✗", "interrupted": "◌"}
_OVERHEAD_S = 4.0  # connecting, draining and reading back, until the first trials have shown it
_REDRAW_S = 0.2


class Progress:
    """An Observer for `engine.run.execute`; a context manager that owns the live table."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan, self._console = plan, console
        self._done: dict[str, str] = {c.name: "" for c in plan.candidates if c.excluded is None}
        self._figures: dict[str, str] = {}
        self._trial: Any = None
        self._phase = "starting servers"
        self._load: dict[str, Any] | None = None
        self._number, self._of = 0, len(plan.trials)
        self._began = self._trial_began = time.monotonic()
        self._took: list[float] = []
        self._drawn = 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, kind: str, about: dict[str, Any]) -> None:
        match kind:
            case "say":
                self._line(about["text"])
            case "server":
                version = about["about"].get("version", "")
                self._line(f"{about['candidate']}: server up {version}".rstrip())
            case "trial":
                self._trial, self._load = about["trial"], None
                self._number, self._of = about["number"], about["of"]
                self._trial_began = time.monotonic()
                self._phase = "connecting"
            case "phase":
                self._phase, self._load = about["phase"], None
            case "load":
                self._phase, self._load = "load", about
            case "trial-end":
                self._ended(about)
        self._draw(force=kind != "beat")

    def figures(self, summary: Mapping[str, Any]) -> None:
        """The newest figures of each candidate, from the summary that analysis made."""
        for name, candidate in summary["candidates"].items():
            for trial in candidate["trials"]:
                if trial["id"] == getattr(self._trial, "id", None):
                    self._figures[name] = _figures(trial)

    def _ended(self, about: dict[str, Any]) -> None:
        trial, state = about["trial"], about["outcome"].state
        self._took.append(time.monotonic() - self._trial_began)
        self._done[trial.candidate] += _MARKS.get(state, "?")
        told: str = about["outcome"].reason or self._figures.get(trial.candidate, "")
        self._line(f"[{self._number}/{self._of}] {trial.candidate}, {_place(trial)}: {state}; {told}")

    def _line(self, text: str) -> None:
        # highlight and markup off: texts may hold brackets and come from servers
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _left(self) -> str:
        load = self._plan.scenario.load
        each = sum(self._took) / len(self._took) if self._took else load.warmup_s + load.measure_s + _OVERHEAD_S
        ahead = (self._of - len(self._took)) * each - (time.monotonic() - self._trial_began)
        return format_duration(max(0.0, round(ahead)))

    def _draw(self, *, force: bool) -> None:
        if self._live is None or not (force or time.monotonic() - self._drawn > _REDRAW_S):
            return
        self._drawn = time.monotonic()
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, marks in self._done.items():
            now = name == getattr(self._trial, "candidate", None)
            table.add_row("▸" if now else " ", name, marks, self._now() if now else self._figures.get(name, ""))
        title = f"trial {self._number} of {self._of} · {self._left()} left"
        table.add_row("", Text(title, style="dim"))
        self._live.update(table, refresh=True)

    def _now(self) -> str:
        if not self._load:
            return self._phase
        since = (time.monotonic_ns() - self._load["t0_ns"]) / 1e9
        sent = received = 0
        for child in self._load["children"]:
            if child.intervals:
                counts = child.intervals[-1]["counts"]
                sent += counts.get("sent", 0)
                received += counts.get("delivered", 0)
        load = self._plan.scenario.load
        stage = "warm-up" if since < load.warmup_s else "measuring"
        return f"{stage} {max(since, 0):.0f} s · sent {sent:,}/s · delivered {received:,}/s"


def _place(trial: Trial) -> str:
    """What it is in its run."""
    if trial.kind is TrialKind.PROBE:
        return "one more worker"
    return f"block {trial.block}" + (" again" if trial.kind is TrialKind.REPEAT else "")


def _figures(trial: Mapping[str, Any]) -> str:
    """One trial in a line: validity first."""
    state: str = trial["validity"]["state"]
    if trial["state"] != "finished":
        return state
    latency, rate = trial["end_to_end_ms"], trial["delivered_msgs_s"]
    parts = [state]
    if rate is not None:
        parts.append(f"{rate:,.0f} msg/s")
    for figure, words in (("p50", "end-to-end p50"), ("p99", "p99")):
        if latency and latency[figure] is not None:
            parts.append(f"{words} {'at least ' if is_bound(latency, figure) else ''}{latency[figure]:.2f} ms")
    if trial["ledger"]:
        parts.append(f"lost {trial['ledger']['lost']:,}")
    return " · ".join(parts)


def console(to_stderr: bool) -> Console:
    return Console(file=sys.stderr if to_stderr else sys.stdout)


def link(path: Path) -> str:
    return path.resolve().as_uri()
