"""Which charts the page has, and from which figures each is drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from brokerbench_analysis import Study
from brokerbench_analysis.by_load import STEEP, by_load, knee
from brokerbench_analysis.metrics import Metric, metric
from brokerbench_reports.charts import Curve, Line, LoadLine, Row, Strip, against_load, percentiles, primary, timeline

from .subjects import GENERATORS, Subject, readings, subjects_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["drawings"]

_LATENCIES = (
    ("response", "Response time", "Intended -> reply received: from the intended request to the receipt of its reply."),
    ("end_to_end", "End-to-end latency", "From the intended send to the receipt."),
    ("confirm", "Confirm latency", "From the intended send to the broker's confirm; only candidates that confirm."),
    (
        "send_delay",
        "Send delay",
        "From the intended send to the handing over: how late the generator itself was, or was made by a full client.",
    ),
)
_CURVE_ENDS = "A curve ends where fewer than ten messages lie beyond, or at those that never came."
_BESIDE = ("broker_cpu", "end_to_end.p50")  # a rank without its price is half an answer
# title, unit told of single values, columns with their labels, log scale
_STRIPS = (
    ("end-to-end latency, ms (log)", "ms", (("end_to_end_p50_ms", "p50"), ("end_to_end_p99_ms", "p99")), True),
    ("response time, ms (log)", "ms", (("response_p50_ms", "p50"), ("response_p99_ms", "p99")), True),
    ("delivered, msg/s", "msg/s", (("delivered", "delivered"), ("scheduled", "scheduled")), False),
    ("backlog, messages", "messages", (("backlog", "backlog"),), False),
    ("counted by the broker, msg/s", "msg/s", (("broker_out", "delivered"), ("broker_in", "published")), False),
    ("held by the broker, messages", "messages", (("broker_stored", "stored"),), False),
    ("CPU, cores", "cores", (("broker_cpu", "broker"), ("generator_cpu", "generator")), False),
    ("host CPU, cores", "cores", (("host_cpu", "all of it"), ("other_cpu", "our other servers")), False),
    ("memory, MiB", "MiB", (("broker_rss_mib", "broker"), ("generator_rss_mib", "generator")), False),
    ("host disk flushes, a second", "a second", (("flushes", "flushes"),), False),
)


_ORDINARY = {"started", "ready", "ended"}
_MOST_EVENTS = 40


def drawings(study: Study) -> dict[str, Any]:
    """The charts of each section, by its name; none where there is nothing to draw."""
    subjects = subjects_of(study.run, study.summary)
    primary_name = study.summary["primary"]
    by_loads = _by_load(study, subjects)
    others = [name for name in _BESIDE if name != primary_name]
    return {
        "first": by_loads or _dots(study, subjects, [primary_name]),
        "comparison": _dots(study, subjects, [primary_name, *others] if by_loads else others),
        "latency": _curves(study, subjects),
        "over_time": _timelines(study, subjects),
    }


def _by_load(study: Study, subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Where the run has several loads; else nothing."""
    found, lines = by_load(study), []
    for subject in subjects:
        points, bend = found.get(subject.name, []), knee(found.get(subject.name, []))
        rates, values = [p.rate_msgs_s for p in points], [p.p99_ms for p in points]
        at = None if bend is None else points.index(bend)
        each, doubtful = [p.each for p in points], any(p.doubtful for p in points)
        lines.append(LoadLine(subject.name, subject.who.series, rates, values, each, at, doubtful))
    svg = against_load(lines, _limits(study, "end_to_end.p99"))
    caption = (
        "Lower is better. Valid trials merged; each dot is one of them. A ring marks the knee: the last load before "
        f"the p99 is {STEEP:g} times as high or more at the next. A stage's first second is left out. Dashed: no trial "
        "of it is valid, so it tells only where that begins."
    )
    return [] if svg is None else [{"svg": svg, "title": "End-to-end p99 against load.", "caption": caption}]


def _limits(study: Study, name: str) -> list[tuple[float, str]]:
    """What was asked of a figure: the bound and its words."""
    return [(slo["value"], slo["text"]) for slo in study.run["scenario"].get("slo") or () if slo["metric"] == name]


def _dots(study: Study, subjects: Sequence[Subject], names: Sequence[str]) -> list[dict[str, Any]]:
    return [chart for name in names if (chart := _dot_chart(study, subjects, metric(name))) is not None]


def _dot_chart(study: Study, subjects: Sequence[Subject], of: Metric) -> dict[str, Any] | None:
    order = {row["candidate"]: place for place, row in enumerate(study.verdict.ranking)}
    kinds = list(GENERATORS)
    rows = []

    def place(s: Subject) -> tuple[int, int]:
        """Kinds apart, the floors last, and in the rank's order within."""
        kind = kinds.index(s.generator) if s.generator in kinds else len(kinds)
        return len(kinds) + 1 if s.floor else kind, order.get(s.name, len(order))

    for s in sorted(subjects, key=place):
        sound, doubtful = readings(s.usable, of), readings([t for t in s.counted if t not in s.usable], of)
        if sound or doubtful:
            centre = readings([s.record["merged"] or {}], of)
            mark = "" if s.name in order or s.floor else " (not ranked)"
            kind = "Floor" if s.floor else GENERATORS.get(s.generator, "")
            rows.append(Row(s.name, s.who.series, centre[0] if centre else None, sound, doubtful, mark, kind))
    main = of.name == study.summary["primary"]
    key = "primary" if main else of.name.replace(".", "-").replace("_", "-")
    svg = primary(rows, f"{of.words}, {of.unit}" if of.unit else of.words, of.unit, key, _limits(study, of.name))
    better = f"{'Higher' if of.higher_is_better else 'Lower'} is better."
    caption = (
        f"{better} Each mark is a trial, the stroke all valid trials together; the band runs from the lowest trial to "
        f"the highest. Hollow marks are invalid trials, in no figure."
    )
    if any(bound for row in rows for _, bound in (*row.values, *row.doubtful)):
        caption += " An arrow marks a lower bound: that trial's figure is at least so high."
    title = f"The figure that decides: {of.words}." if main else f"{of.words[0].upper()}{of.words[1:]}."
    return None if svg is None else {"svg": svg, "title": title, "caption": caption if main else better}


def _curves(study: Study, subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    charts = []
    for name, words, caption in _LATENCIES:
        curves = []
        for subject in subjects:
            table = study.percentiles(subject.name, name)
            known = table[~table["at_least"].astype(bool)]
            curves.append(Curve(subject.name, subject.who.series, known["quantile"].tolist(), known["ms"].tolist()))
        svg = percentiles(curves, words, f"curve-{name.replace('_', '-')}")
        if svg is not None:
            charts.append(
                {
                    "svg": svg,
                    "title": f"{words}.",
                    "caption": f"{caption} {_CURVE_ENDS}",
                }
            )
    return charts


def _timelines(study: Study, subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    seconds = study.seconds[study.seconds["phase"] != "drain"]
    if seconds.empty:
        return []
    kept = {str(t["id"]) for s in subjects for t in (s.usable or s.counted)}
    seconds = seconds[seconds["trial"].isin(kept)]
    clock = np.arange(1.0, float(seconds["t"].max()) + 1)
    ranges = [_range(seconds, [column for column, _ in columns]) for *_, columns, _ in _STRIPS]
    warmup = float(study.run["scenario"]["load"]["warmup_s"])
    charts = []
    for subject in subjects:
        own = seconds[seconds["candidate"] == subject.name]
        if own.empty:
            continue
        strips = []
        for (title, unit, columns, log), ends in zip(_STRIPS, ranges, strict=True):
            lines = [_line(own, clock, *column, dashed=bool(i)) for i, column in enumerate(columns)]
            strips += [Strip(title, lines, *ends, log=log, unit=unit)] if ends and (ends[1] > 0 or not log) else []
        note = "" if subject.usable else "No trial of it is valid; shown so that one can see why."
        svg = timeline(strips, clock, warmup, subject.who.series, f"time-{subject.who.series}")
        chart = {"svg": svg, "name": subject.name, "series": subject.who.series, "caption": note}
        counted = bool(own[["broker_in", "broker_out", "broker_stored"]].notna().any(axis=None))
        charts.append(chart | {"counted": counted, "events": _events(study, subject)})
    return charts


def _events(study: Study, subject: Subject) -> list[str]:
    """What its clients and servers reported, with the moment and the trial; the first of many. Before all, where the
    reading of the broker's counters ended early."""
    own = [trial.files for trial in study.measured if trial.files.candidate == subject.name]
    told = [
        f"{files.id}, second {float(line['t']):.1f}: the broker's counters were not read from here on: {line['error']}"
        for files in own
        for line in files.readings
        if "error" in line
    ]
    told += [
        f"{files.id}, second {float(event['t']):.1f}, {event.get('child') or 'run'}: "
        f"{event['kind'].replace('-', ' ')}{': ' + event['text'] if event.get('text') else ''}"
        for files in own
        for event in files.events
        if event["kind"] not in _ORDINARY
    ]
    more = len(told) - _MOST_EVENTS
    return told if more <= 0 else [*told[:_MOST_EVENTS], f"and {more} more, in events.jsonl of the trials"]


def _range(seconds: "pd.DataFrame", columns: Sequence[str]) -> tuple[float, float] | None:
    """Lowest above zero and highest, over all candidates; None where nobody's was measured."""
    values = seconds[list(columns)].to_numpy(dtype=float).ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    above = values[values > 0]
    return (float(above.min()), float(above.max())) if above.size else (0.0, 0.0)


def _line(own: "pd.DataFrame", clock: NDArray[np.float64], column: str, label: str, *, dashed: bool) -> Line:
    rows = []
    for _, trial in own.groupby("trial", sort=True):
        row = np.full(len(clock), np.nan)
        row[trial["t"].to_numpy(dtype=int) - 1] = trial[column].to_numpy(dtype=float)
        rows.append(row)
    return Line(label, np.vstack(rows), dashed)
