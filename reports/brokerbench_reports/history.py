"""The page of all runs: what each one found, and each scenario over time. One file, no script, no request."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from brokerbench_analysis.history import History, PastRun
from brokerbench_analysis.metrics import metric

from .charts.history import Past, Point, history
from .paper import asset, paper, tidy
from .words import plural, short

__all__ = ["as_index"]

_NAME, _SENTENCE = 60, 700  # letters that are shown of a name, and of a verdict or a question
_FIGURES, _RUNS, _LINES = 8, 60, 8  # figures on the page; newest runs and candidates in each


def as_index(found: History, version: str) -> str:
    """The same runs give the same bytes."""
    css = asset("page.css") + asset("history.css")
    scenarios: dict[str, list[PastRun]] = {}
    for run in found.runs:
        scenarios.setdefault(run.scenario, []).append(run)
    able = {name: drawable for name, runs in scenarios.items() if len(drawable := _drawable(runs)) > 1}
    view = {
        "title": "All runs",
        "script_hash": "",
        "lead": _lead(found, len(scenarios)),
        "rows": [_row(run) for run in found.runs],
        "figures": [_figure(name, able[name], f"h{place}") for place, name in enumerate(able) if place < _FIGURES],
        "left_out": len(able) - _FIGURES,
        "unreadable": [(short(one.folder, _NAME), short(one.why, _SENTENCE)) for one in found.unreadable],
    }
    return tidy(paper().get_template("history.html").render(view, css=css, version=version))


def _lead(found: History, scenarios: int) -> str:
    if not found.runs:
        return "No run has ended here yet."
    return f"{plural(len(found.runs), 'run')} of {plural(scenarios, 'scenario')}, newest first."


def _row(run: PastRun) -> dict[str, Any]:
    notes = [] if run.status == "finished" else [run.status]
    notes += ["smoke, no claim"] if run.smoke else []
    return {
        "when": _day(run.started),
        # A folder's name could begin like a scheme; after ./ nothing can.
        "href": f"./{quote(run.folder)}/report.html" if run.has_page else None,
        "folder": short(run.folder, _NAME),
        "notes": notes,
        "scenario": short(run.scenario, _NAME),
        "question": short(run.question or "", _SENTENCE),
        "sentence": short(run.sentence, _SENTENCE),
        "trials": [(state, number) for state, number in run.trials.items()],
    }


def _drawable(newest_first: Sequence[PastRun]) -> list[PastRun]:
    """Oldest first, those with the newest one's primary figure. Smoke runs claim nothing, and are not drawn."""
    primary = newest_first[0].primary
    return [run for run in reversed(newest_first) if not run.smoke and run.primary == primary and _points(run)]


def _figure(scenario: str, able: Sequence[PastRun], key: str) -> dict[str, Any]:
    runs = able[-_RUNS:]
    breaks = [place for place, (a, b) in enumerate(pairwise(runs), 1) if a.alike != b.alike]
    places: dict[str, list[Point]] = {}
    for place, run in enumerate(runs):
        for name, point in _points(run).items():
            places.setdefault(name, []).append(Point(place, *point))
    names = sorted(places)
    shown = names[:_LINES]
    of = metric(runs[0].primary)
    lines = [Past(short(name, _NAME), series, places[name]) for series, name in enumerate(shown)]
    figure = history(lines, _labels(runs), breaks, of.words, of.unit, key)
    return {"scenario": short(scenario, _NAME), "svg": figure, "notes": list(_notes(able, runs, breaks, names))}


def _points(run: PastRun) -> Mapping[str, tuple[float, float, float, bool]]:
    out = {}
    for row in run.standings:
        if row.value is not None:
            ends = [end for end in (row.low, row.value, row.high) if end is not None]
            out[row.candidate] = (row.value, min(ends), max(ends), row.at_least)
    return out


def _notes(able: Sequence[PastRun], runs: Sequence[PastRun], breaks: Sequence[int], names: Sequence[str]) -> list[str]:
    better = "Higher" if metric(runs[0].primary).higher_is_better else "Lower"
    notes = [f"{better} is better. The bar of each run reaches from its least to its highest trial."]
    if breaks:
        notes.append(
            "Runs on two sides of a dashed line cannot be compared: the machine or the question is another"
            f" ({runs[breaks[-1]].machine}, since {_day(runs[breaks[-1]].started)})."
        )
    if len(runs) < len(able):
        notes.append(f"The newest {len(runs)} of {len(able)} runs.")
    if len(names) > _LINES:
        notes.append(f"{_LINES} of {len(names)} candidates, by name.")
    if any(row.at_least for run in runs for row in run.standings):
        notes.append("A hollow mark is a lower bound: messages never came.")
    return notes


def _labels(runs: Sequence[PastRun]) -> list[str]:
    """The day, or the time where all were on one day."""
    one_day = len({run.started[:10] for run in runs}) == 1
    return [(run.started[11:16] if one_day else run.started[5:10]) or "no date" for run in runs]


def _day(started: str) -> str:
    return started[:16].replace("T", " ") or "at a time not recorded"
