"""The figure that decides: one row a candidate, each trial a dot, the interval a bar."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.path import Path

from brokerbench_analysis.metrics import Reading, spread
from brokerbench_reports.words import NOT_MEASURED, between, labels, reading

from .axes import linear_axis, log_axis
from .reading import Told, as_json, span
from .svg import inline
from .theme import GRID, INK, LIMIT, MUTED, PAPER, bare, colour, figure, look, marker

__all__ = ["Row", "primary"]

_ROW_HEIGHT, _WIDTH = 46, 400
_HEADING = 0.62  # of a row
# From the dot to the right: a shaft and a head of two strokes.
_ARROW = Path([(0, 0), (1, 0), (0.6, 0.35), (1, 0), (0.6, -0.35)], [1, 2, 1, 2, 2])


@dataclass(frozen=True)
class Row:
    """`values` are of valid and suspect trials, `doubtful` of invalid ones (drawn hollow, in no interval)."""

    name: str
    series: int
    centre: Reading | None
    values: Sequence[Reading]
    doubtful: Sequence[Reading] = field(default=())
    mark: str = ""  # said after the name: " (not ranked)"
    kind: str = ""  # rows of one kind stand together, under its name


def primary(
    rows: Sequence[Row], label: str, unit: str, key: str = "primary", limits: Sequence[tuple[float, str]] = ()
) -> Markup | None:
    """None where nothing was measured. `limits`: what was asked of the figure, each a line with its words."""
    figures = [value for row in rows for value, _ in (*row.values, *row.doubtful)]
    if not figures:
        return None
    limits = [(at, text) for at, text in limits if at > 0]
    figures = [*figures, *(at for at, _ in limits)]
    names = labels([row.name for row in rows], 28)
    places, depth = _places(rows)
    height = 52 + _ROW_HEIGHT * (depth + (0.3 if limits else 0))
    with look(key):
        drawing = figure(_WIDTH, height)
        axes = drawing.subplots()
        drawing.subplots_adjust(left=0.035, right=0.94, top=1 - 6 / height, bottom=44 / height)
        bare(axes, grid="x")
        axes.set_ylim(depth - (0.1 if limits else 0.4), -0.6)
        axes.set_yticks([])
        positive = min(figures) > 0
        if positive and max(figures) / min(figures) > 20:
            log_axis(axes, "x", min(figures), max(figures))
            label += ", log scale"
        else:
            linear_axis(axes, "x", max(figures), 5)
        axes.set_xlabel(label)
        for at, text in limits:
            _limit(axes, at, text)
        for (above, place), row in zip(places, rows, strict=True):
            if above is not None:
                _heading(axes, above, row.kind or "Generator not recorded")
            _row(axes, place, row, unit, names)
        told = _read(axes, [place for _, place in places], rows, unit)
        return inline(drawing, key, label, _described(rows, unit), told)


def _read(axes: Axes, places: Sequence[float], rows: Sequence[Row], unit: str) -> str:
    foot, head = axes.get_ylim()
    at = [(place + 0.1 - head) / (foot - head) for place in places]
    names = [f"{row.name}{row.mark}" for row in rows]
    values = [_told(row, unit) for row in rows]
    each = [", ".join(map(reading, row.values)) for row in rows]
    doubtful = [", ".join(map(reading, row.doubtful)) for row in rows]
    lines = [Told("", None, values), Told("trials:", None, each), Told("invalid ones:", None, doubtful)]
    return as_json(span(axes, rows=True), at, names, lines, rows=True)


def _limit(axes: Axes, at: float, text: str) -> None:
    """Its words stand at the foot, on the side that has room."""
    left, right = axes.get_xlim()
    scale = axes.get_xscale()
    share = (math.log(at / left) / math.log(right / left)) if scale == "log" else (at - left) / (right - left)
    axes.axvline(at, color=LIMIT, linewidth=1.6, linestyle=(0, (5, 3)), zorder=1)
    axes.text(
        at,
        axes.get_ylim()[0],
        f"\u00a0asked: {text}\u00a0",
        color=LIMIT,
        fontsize=10.5,
        ha="left" if share < 0.5 else "right",
        va="bottom",
    )


def _places(rows: Sequence[Row]) -> tuple[list[tuple[float | None, float]], float]:
    """Where the name of its kind stands (above the first row of each), and where the row; how many rows high all is."""
    places: list[tuple[float | None, float]] = []
    depth, last = 0.0, ""
    for row in rows:
        first = row.kind != last and any(other.kind for other in rows)
        above = depth - 0.3 if first else None
        depth += _HEADING if first else 0
        places.append((above, depth))
        depth, last = depth + 1, row.kind
    return places, depth


def _heading(axes: Axes, place: float, kind: str) -> None:
    across = axes.get_yaxis_transform()
    plate = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}
    axes.plot([0, 1], [place + 0.28] * 2, transform=across, color=GRID, linewidth=1)
    axes.text(0, place, kind, transform=across, color=MUTED, bbox=plate, va="center_baseline", fontsize=10.5)


def _row(axes: Axes, place: float, row: Row, unit: str, names: Mapping[str, str]) -> None:
    tint, group = colour(row.series), f"of-{row.series}"
    name = names[row.name] + row.mark
    plate = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}  # the grid would run through the letters
    axes.text(
        0,
        place - 0.3,
        name,
        transform=axes.get_yaxis_transform(),
        color=INK,
        weight="bold",
        bbox=plate,
        va="center_baseline",
        gid=group,
    )
    axes.text(
        1,
        place - 0.3,
        _told(row, unit),
        transform=axes.get_yaxis_transform(),
        color=MUTED,
        bbox=plate,
        ha="right",
        va="center_baseline",
        gid=group,
    )
    if len(row.values) > 1:
        low, high = (end for end, _ in spread(row.values))
        band: dict[str, Any] = {"color": tint, "linewidth": 9, "solid_capstyle": "butt", "alpha": 0.25}
        axes.plot([low, high], [place + 0.1] * 2, gid=group, **band)
    if row.centre is not None:
        axes.plot([row.centre[0]] * 2, [place - 0.06, place + 0.26], color=tint, linewidth=2.6, gid=group)
    dots: dict[str, Any] = {
        "linestyle": "none",
        "marker": marker(row.series),
        "clip_on": False,
        "markersize": 6,
        "gid": group,
    }
    edge: dict[str, Any] = {"markeredgecolor": PAPER, "markeredgewidth": 0.8}
    for figures, style in (
        (row.values, {"color": tint, **edge}),
        (row.doubtful, {"markerfacecolor": "none", "markeredgecolor": tint}),
    ):
        axes.plot([value for value, _ in figures], [place + 0.1] * len(figures), **style, **dots)
    beyond = [value for value, bound in (*row.values, *row.doubtful) if bound]
    axes.plot(
        beyond,
        [place + 0.1] * len(beyond),
        **dots | {"marker": _ARROW, "markersize": 30, "fillstyle": "none"},
        color=tint,
    )


def _told(row: Row, unit: str) -> str:
    if row.centre is None:
        return "no valid trial"
    ends = between(row.values)
    return f"{reading(row.centre)} {unit}".rstrip() + (f" ({ends})" if ends else "")


def _described(rows: Sequence[Row], unit: str) -> str:
    said = []
    for row in rows:
        centre = NOT_MEASURED if row.centre is None else f"{reading(row.centre)} {unit}".rstrip()
        interval = f", interval {' to '.join(map(reading, spread(row.values)))}" if len(row.values) > 1 else ""
        kind = f" ({row.kind})" if row.kind else ""
        trials = f", trials {', '.join(map(reading, row.values))}" if row.values else ""
        said.append(f"{row.name}{kind}: {centre}{interval}{trials}")
    return "; ".join(said)
