"""One scenario over time: each candidate's primary figure, run by run, with the least and the most of its trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from brokerbench_reports.words import figure as number
from brokerbench_reports.words import labels

from .axes import label_ends, linear_axis, log_axis
from .svg import inline
from .theme import GRID, INK, PAPER, bare, colour, figure, look, marker

__all__ = ["Past", "Point", "history"]

_WIDTH, _HEIGHT, _TICKS, _TOLD = 400, 250, 5, 12


@dataclass(frozen=True)
class Point:
    place: int  # which of the runs
    value: float
    low: float
    high: float
    at_least: bool = False


@dataclass(frozen=True)
class Past:
    name: str
    series: int
    points: Sequence[Point]


def history(
    lines: Sequence[Past], when: Sequence[str], breaks: Sequence[int], title: str, unit: str, key: str
) -> Markup:
    """`when`: each run's label; `breaks`: places whose run cannot be compared with the one before: no line crosses."""
    figures = [end for line in lines for point in line.points for end in (point.low, point.value, point.high)]
    with look(key):
        drawing = figure(_WIDTH, _HEIGHT)
        axes = drawing.subplots()
        drawing.subplots_adjust(left=0.12, right=0.7, top=0.89, bottom=0.18)
        bare(axes)
        log = min(figures) > 0 and max(figures) / min(figures) > 20
        if log:
            log_axis(axes, "y", min(figures), max(figures), 5)
        else:
            linear_axis(axes, "y", max(figures))
        _clock(axes, when)
        axes.set_xlabel("runs, the oldest first")
        head = f"{title}{f', {unit}' if unit else ''}{' (log scale)' if log else ''}"
        axes.text(0, 1.05, head, transform=axes.transAxes, color=INK, weight="bold")
        for place in breaks:
            axes.axvline(place - 0.5, color=GRID, linewidth=1.4, linestyle=(0, (2, 2)))
        for line in lines:
            _line(axes, line, breaks)
        _ends(axes, lines)
        return inline(drawing, key, f"{head}, run by run", _described(lines, when, unit))


def _clock(axes: Axes, when: Sequence[str]) -> None:
    axes.set_xlim(-0.5, len(when) - 0.5)
    step = -(-len(when) // _TICKS)
    ticks = list(range(len(when) - 1, -1, -step))[::-1]  # the newest always
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.set_xticklabels([when[tick] for tick in ticks])


def _line(axes: Axes, line: Past, breaks: Sequence[int]) -> None:
    """Neighbours are joined; a run without this candidate, and one that cannot be compared, is a gap."""
    style: dict[str, Any] = {"color": colour(line.series), "gid": f"of-{line.series}"}
    shape: dict[str, Any] = {"linestyle": "none", "marker": marker(line.series), "markersize": 5.5}
    for before, after in zip(line.points, line.points[1:], strict=False):
        if after.place == before.place + 1 and after.place not in breaks:
            axes.plot([before.place, after.place], [before.value, after.value], linewidth=1.5, **style)
    for point in line.points:
        axes.plot([point.place] * 2, [point.low, point.high], linewidth=4, alpha=0.3, solid_capstyle="butt", **style)
        fill = {"markerfacecolor": PAPER} if point.at_least else {"markeredgecolor": PAPER, "markeredgewidth": 0.7}
        axes.plot([point.place], [point.value], **shape, **fill, **style)


def _ends(axes: Axes, lines: Sequence[Past]) -> None:
    names = labels([line.name for line in lines], 15)
    ends = []
    for line in lines:
        at = axes.transData.transform((line.points[-1].place, line.points[-1].value))
        x, y = axes.transAxes.inverted().transform(at)
        ends.append((names[line.name], line.series, float(x), float(y)))
    label_ends(axes, ends, 0.075)


def _described(lines: Sequence[Past], when: Sequence[str], unit: str) -> str:
    """Of the newest runs: a hundred figures read aloud tell nobody anything."""
    return "; ".join(f"{line.name}: {', '.join(_point(p, when, unit) for p in line.points[-_TOLD:])}" for line in lines)


def _point(point: Point, when: Sequence[str], unit: str) -> str:
    value = f"{'at least ' if point.at_least else ''}{number(point.value)} {unit}".rstrip()
    ends = f" ({number(point.low)} to {number(point.high)})" if point.low != point.high else ""
    return f"{value}{ends} on {when[point.place]}"
