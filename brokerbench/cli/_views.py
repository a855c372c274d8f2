"""The views of a running trial for people: a table that lives on a terminal, and plain lines for a log."""

import sys
import time
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from brokerbench.model import format_duration
from brokerbench_reports.words import clean, labels

from ._live import Moment
from ._progress import State, View, place_of

__all__ = ["Lines", "Screen", "console", "link", "view_for"]

_REDRAW_S = 0.5  # without news: only the time left goes on
_EACH_S = 10  # of a load there is a line in a log
_WIDE, _NAME, _NAME_NARROW, _MARKS = 80, 28, 16, 12
_WORDS = {"load": "starting the load"}


def console(to_stderr: bool) -> Console:
    return Console(file=sys.stderr if to_stderr else sys.stdout)


def link(path: Path) -> str:
    return path.resolve().as_uri()


def view_for(console: Console) -> View:
    return Screen(console) if console.is_terminal else Lines(console)


class Lines:
    """For a log: what happens, and every ten seconds of a load how it goes."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._said_at = 0.0

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""

    def say(self, text: str) -> None:
        # highlight and markup off, controls made visible: texts may hold anything, and come from servers
        self.console.print(clean(text), markup=False, highlight=False, soft_wrap=True)

    def event(self, kind: str, about: Mapping[str, Any]) -> None:
        """Told in words already."""

    def show(self, state: State, *, fresh: bool) -> None:
        moment = state.moment
        if moment is None or state.trial is None or not fresh:
            self._said_at = 0.0 if moment is None else self._said_at
        elif moment.at_s >= self._said_at + _EACH_S:
            self._said_at = moment.at_s - moment.at_s % _EACH_S
            told = ", ".join(f"{label} {text}" for label, text in _figures(moment))
            wrong = f" ({_wrong(moment)})" if _wrong(moment) else ""
            self.say(f"  {state.trial.candidate}, {_phase(state)}: {told}{wrong}; {_objections(moment)}")


class Screen:
    """For a terminal of 60 columns or more: who is where, and the trial that runs."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._drawn = 0.0

    def __enter__(self) -> "Screen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        self.console.print(clean(text), markup=False, highlight=False, soft_wrap=True)

    def event(self, kind: str, about: Mapping[str, Any]) -> None:
        """Told in words already."""

    def show(self, state: State, *, fresh: bool) -> None:
        if fresh or time.monotonic() - self._drawn > _REDRAW_S:
            self._drawn = time.monotonic()
            self._live.update(drawn(state, self.console.width), refresh=True)


def drawn(state: State, width: int = 80) -> Group:
    """Lines of our own making: a table that must shrink cuts what matters as soon as what does not."""
    return Group(*(Text(line, style=style, no_wrap=True, overflow="ellipsis") for line, style in _lines(state, width)))


def _lines(state: State, width: int) -> Iterator[tuple[str, str]]:
    left = f" · about {format_duration(max(1, round(state.left_s)))} left" if state.left_s else ""
    yield f"trial {state.number} of {state.of}{left}", "dim"
    short = labels(list(state.marks), _NAME if width >= _WIDE else _NAME_NARROW)
    names = max(map(len, short.values()), default=0)
    marks = {name: ended if len(ended) <= _MARKS else f"…{ended[1 - _MARKS :]}" for name, ended in state.marks.items()}
    most = max(map(len, marks.values()), default=0)
    for name in state.marks:
        now = state.trial is not None and name == state.trial.candidate
        told = f"{place_of(state.trial)}, {_phase(state)}" if now and state.trial else state.brief.get(name, "")
        yield f"{'▸' if now else ' '} {clean(short[name]):<{names}} {marks[name]:<{most}} {told}", ""
    moment = state.moment
    if moment is None:
        return
    yield "", ""
    figures = _figures(moment)
    half = (len(figures) + 1) // 2
    for (label, text), (other, its) in zip_longest(figures[:half], figures[half:], fillvalue=("", "")):
        yield f"  {label:<10}{text:>12}   {other:<14}{its:>12}".rstrip(), ""
    if wrong := _wrong(moment):
        yield f"  {wrong}", "yellow"
    for objection in moment.objections or ("no objection",):
        yield f"  so far: {objection}", "yellow" if moment.objections else "green"


def _phase(state: State) -> str:
    moment = state.moment
    if moment is None or state.phase not in ("load", "draining"):
        return _WORDS.get(state.phase, state.phase)
    return f"{moment.phase} {format_duration(moment.at_s)}" if state.phase == "load" else state.phase


def _figures(moment: Moment) -> list[tuple[str, str]]:
    return [
        ("asked", "no rate" if moment.asked_msgs_s is None else f"{moment.asked_msgs_s:,.0f}/s"),
        ("sent", f"{moment.sent_msgs_s:,.0f}/s"),
        ("delivered", f"{moment.delivered_msgs_s:,.0f}/s"),
        ("backlog", f"{moment.backlog:,}"),
        ("errors", f"{sum(moment.errors.values()):,}"),
        (f"{moment.latency} p50", _ms(moment.p50_ms)),
        (f"{moment.latency} p99", _ms(moment.p99_ms)),
        ("broker CPU", _cores(moment.broker_cpu)),
        ("generator CPU", _cores(moment.generator_cpu)),
    ]


def _wrong(moment: Moment) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in moment.errors.items() if number)


def _objections(moment: Moment) -> str:
    return "; ".join(moment.objections) or "no objection"


def _ms(value: float | None) -> str:
    return "none yet" if value is None else f"{value:.2f} ms"


def _cores(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f} cores"
