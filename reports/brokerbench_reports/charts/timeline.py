"""What happened second by second: one strip a quantity, all of one candidate's strips over the same clock."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from numpy.typing import NDArray

from brokerbench_reports.words import NOT_MEASURED
from brokerbench_reports.words import figure as number

from .axes import linear_axis, log_axis
from .reading import Told, as_json, span
from .svg import inline
from .theme import BAND, INK, MUTED, bare, colour, figure, look

__all__ = ["Line", "Strip", "timeline"]

_POINTS = 160  # a line of more seconds than this is drawn by its worst second of several
_MOST_TRIALS = 10  # that are drawn one by one
_WIDTH, _STRIP, _FOOT = 400, 112, 34


@dataclass(frozen=True)
class Line:
    """One quantity of one candidate: a row a trial, a column a second (nan where there was none)."""

    label: str
    table: NDArray[np.float64]
    dashed: bool = False


@dataclass(frozen=True)
class Strip:
    """`low` and `high` are those of all candidates, so that strips side by side have one scale."""

    title: str
    lines: Sequence[Line]
    low: float
    high: float
    log: bool = False
    unit: str = ""


def timeline(strips: Sequence[Strip], seconds: NDArray[np.float64], warmup_s: float, series: int, key: str) -> Markup:
    """Thin lines are single trials (of many, the ends), the thick one their median. The load begins at 0; the shade is
    the warm-up."""
    step = -(-len(seconds) // _POINTS)
    height = _STRIP * len(strips) + _FOOT
    with look(key):
        drawing = figure(_WIDTH, height)
        rows = drawing.subplots(len(strips), 1, sharex=True, squeeze=False)[:, 0]
        drawing.subplots_adjust(left=0.115, right=0.97, top=1 - 26 / height, bottom=(_FOOT + 4) / height, hspace=0.42)
        for axes, strip in zip(rows, strips, strict=True):
            _strip(axes, strip, seconds, step, series)
            if warmup_s > 0:
                axes.axvspan(min(0.0, float(seconds[0])), warmup_s, color=BAND, linewidth=0)
        rows[-1].set_xlim(0, float(seconds[-1]))
        unit = "seconds since the load began" + ("" if step == 1 else f"; each point the highest of {step} seconds")
        rows[-1].set_xlabel(unit)
        title = ", ".join(strip.title for strip in strips) + " over time"
        return inline(drawing, key, title, _described(strips), _told(rows[-1], strips, seconds, step))


def _told(axes: Axes, strips: Sequence[Strip], seconds: NDArray[np.float64], step: int) -> str:
    """The median over the trials, as the thick line shows it."""
    clock = _clock(seconds, step)
    lines = []
    for strip in strips:
        for line in strip.lines:
            values = _median(_thinned(line.table, step))
            if not np.isnan(values).all():
                told = ["" if np.isnan(v) else f"{number(float(v))}{strip.unit and f' {strip.unit}'}" for v in values]
                lines.append(Told(f"{line.label}", None, told))
    ends = [f"second {at:g}" if step == 1 else f"to second {at:g}" for at in clock]
    return as_json(span(axes), [at / float(seconds[-1]) for at in clock], ends, lines)


def _clock(seconds: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """The end of each stretch that is drawn as one point."""
    clock = seconds[step - 1 :: step]
    return clock if len(seconds) % step == 0 else np.append(clock, seconds[-1])


def _strip(axes: Axes, strip: Strip, seconds: NDArray[np.float64], step: int, series: int) -> None:
    bare(axes)
    if strip.log:
        log_axis(axes, "y", strip.low, strip.high, 4)
    else:
        linear_axis(axes, "y", strip.high, 3)
    axes.text(0, 1.06, strip.title, transform=axes.transAxes, color=INK, weight="bold")
    nothing = all(np.isnan(line.table).all() for line in strip.lines)
    legend = NOT_MEASURED if nothing else "\u2003".join(_legend(line) for line in strip.lines)
    axes.text(1, 1.06, legend, transform=axes.transAxes, color=MUTED, ha="right", fontsize=10.5)
    for line in strip.lines:
        tint, dash = (MUTED, (0, (3, 2))) if line.dashed else (colour(series), "-")
        table = _thinned(line.table, step)
        clock = _clock(seconds, step)
        if len(table) > 1:
            for trial in _thin(table):
                axes.plot(clock, trial, color=tint, linewidth=0.8, alpha=0.35)
        middle = _median(table)
        with np.errstate(all="ignore"):
            axes.plot(clock, middle, color=tint, linestyle=dash, linewidth=1.7)
        single = _single(middle)
        axes.plot(clock[single], middle[single], color=tint, linestyle="none", marker="o", markersize=4)


def _legend(line: Line) -> str:
    if np.isnan(line.table).all():
        return f"{line.label}: {NOT_MEASURED}"
    return f"{'╌╌' if line.dashed else '━━'}\u00a0{line.label}"


def _thinned(table: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    if step == 1:
        return table
    short = -table.shape[1] % step
    padded = np.pad(table, ((0, 0), (0, short)), constant_values=np.nan).reshape(len(table), -1, step)
    highest: NDArray[np.float64] = np.fmax.reduce(padded, axis=2)
    return highest


def _median(table: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = np.full(table.shape[1], np.nan)
    there = ~np.isnan(table).all(axis=0)
    if there.any():
        middle[there] = np.nanmedian(table[:, there], axis=0)
    return middle


def _thin(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each trial; of many the lowest and the highest of each second: no more can be seen in a heap of lines."""
    return table if len(table) <= _MOST_TRIALS else np.vstack([np.fmin.reduce(table), np.fmax.reduce(table)])


def _single(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Known, with nothing known at either side: no line shows it."""
    known = np.pad(~np.isnan(values), 1)
    single: NDArray[np.bool_] = known[1:-1] & ~known[:-2] & ~known[2:]
    return single


def _described(strips: Sequence[Strip]) -> str:
    said = []
    for strip in strips:
        for line in strip.lines:
            known = line.table[~np.isnan(line.table)]
            span = f"{number(float(known.min()))} to {number(float(known.max()))}" if known.size else NOT_MEASURED
            said.append(f"{strip.title}, {line.label}: {span}")
    return "; ".join(said)
