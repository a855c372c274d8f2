"""Which charts the page has, and from which figures each is drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from brokerbench_analysis import Study
from brokerbench_analysis.metrics import Metric, metric
from brokerbench_reports.charts import Curve, Line, Row, Strip, percentiles, primary, timeline

from .subjects import GENERATORS, Subject, readings, subjects_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["drawings"]

_LATENCIES = (
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
# title, columns with their labels, log scale
_STRIPS = (
    ("end-to-end latency, ms (log)", (("end_to_end_p50_ms", "p50"), ("end_to_end_p99_ms", "p99")), True),
    ("delivered, msg/s", (("delivered", "delivered"), ("scheduled", "scheduled")), False),
    ("CPU, cores", (("broker_cpu", "broker"), ("generator_cpu", "generator")), False),
    ("memory, MiB", (("broker_rss_mib", "broker"), ("generator_rss_mib", "generator")), False),
)


def drawings(study: Study) -> dict[str, Any]:
    """The charts of each section, by its name; none where there is nothing to draw."""
    subjects = subjects_of(study.run, study.summary)
    primary_name = study.summary["primary"]
    others = [name for name in _BESIDE if name != primary_name]
    return {
        "first": _dots(study, subjects, [primary_name]),
        "comparison": _dots(study, subjects, others),
        "latency": _curves(study, subjects),
        "over_time": _timelines(study, subjects),
    }


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
    limits = [(slo["value"], slo["text"]) for slo in study.run["scenario"].get("slo") or () if slo["metric"] == of.name]
    svg = primary(rows, f"{of.words}, {of.unit}" if of.unit else of.words, of.unit, key, limits)
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
    ranges = [_range(seconds, [column for column, _ in columns]) for _, columns, _ in _STRIPS]
    warmup = float(study.run["scenario"]["load"]["warmup_s"])
    charts = []
    for subject in subjects:
        own = seconds[seconds["candidate"] == subject.name]
        if own.empty:
            continue
        strips = [
            Strip(
                title, [_line(own, clock, *column, dashed=bool(i)) for i, column in enumerate(columns)], *ends, log=log
            )
            for (title, columns, log), ends in zip(_STRIPS, ranges, strict=True)
            if ends[1] > 0
        ]
        note = "" if subject.usable else "No trial of it is valid; shown so that one can see why."
        svg = timeline(strips, clock, warmup, subject.who.series, f"time-{subject.who.series}")
        charts.append({"svg": svg, "name": subject.name, "series": subject.who.series, "caption": note})
    return charts


def _range(seconds: "pd.DataFrame", columns: Sequence[str]) -> tuple[float, float]:
    """Lowest above zero and highest, over all candidates."""
    values = seconds[list(columns)].to_numpy(dtype=float).ravel()
    values = values[np.isfinite(values) & (values > 0)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


def _line(own: "pd.DataFrame", clock: NDArray[np.float64], column: str, label: str, *, dashed: bool) -> Line:
    rows = []
    for _, trial in own.groupby("trial", sort=True):
        row = np.full(len(clock), np.nan)
        row[trial["t"].to_numpy(dtype=int) - 1] = trial[column].to_numpy(dtype=float)
        rows.append(row)
    return Line(label, np.vstack(rows), dashed)
