"""Latency against load: where each candidate's curve bends, and where it crosses what was asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes

from brokerbench_reports.words import count, labels
from brokerbench_reports.words import figure as number

from .axes import label_ends, log_axis, log_ticks
from .reading import Told, as_json, span
from .svg import inline
from .theme import INK, LIMIT, PAPER, bare, colour, figure, look, marker

__all__ = ["LoadLine", "against_load"]


@dataclass(frozen=True)
class LoadLine:
    """Rates ascending in msg/s, the p99 at each in ms, each trial's, and which point is the knee."""

    name: str
    series: int
    rates: Sequence[float]
    values_ms: Sequence[float]
    each_ms: Sequence[Sequence[float]]
    knee: int | None = None
    doubtful: bool = False  # drawn dashed


def against_load(
    lines: Sequence[LoadLine], limits: Sequence[tuple[float, str]], key: str = "against-load"
) -> Markup | None:
    """None where nobody has two loads. `limits`: what was asked of the figure, each a line with its words."""
    lines = [line for line in lines if line.rates and min(line.values_ms) > 0]
    rates = sorted({rate for line in lines for rate in line.rates})
    if len(rates) < 2:
        return None
    values = [value for line in lines for value in (*line.values_ms, *(v for each in line.each_ms for v in each))]
    values += [at for at, _ in limits if at > 0]
    with look(key):
        drawing = figure(400, 290)
        axes = drawing.subplots()
        drawing.subplots_adjust(left=0.115, right=0.69, top=0.92, bottom=0.145)
        bare(axes, grid="both")
        _, bottom, top = log_ticks(min(values), max(values))
        log_axis(axes, "y", bottom, top)
        _, left, right = log_ticks(rates[0], rates[-1])
        log_axis(axes, "x", left, right)
        axes.set_xlabel("load, msg/s (log scale)")
        axes.text(0, 1.04, "end-to-end p99, ms (log scale)", transform=axes.transAxes, color=INK, weight="bold")
        for at, text in limits:
            axes.axhline(at, color=LIMIT, linewidth=1.6, linestyle=(0, (5, 3)))
            axes.text(left, at, f" asked: {text}", color=LIMIT, fontsize=10.5, va="bottom")
        for line in lines:
            _line(axes, line)
        _ends(axes, lines)
        described = "; ".join(_described(line) for line in lines)
        return inline(drawing, key, "End-to-end p99 against load", described, _told(axes, lines, rates))


def _line(axes: Axes, line: LoadLine) -> None:
    style: dict[str, Any] = {"color": colour(line.series), "gid": f"of-{line.series}"}
    dash: Any = (0, (4, 3)) if line.doubtful else "-"
    axes.plot(
        line.rates,
        line.values_ms,
        marker=marker(line.series),
        markersize=6,
        markeredgecolor=PAPER,
        linestyle=dash,
        **style,
    )
    for rate, each in zip(line.rates, line.each_ms, strict=True):
        axes.plot([rate] * len(each), each, linestyle="none", marker=".", markersize=4, alpha=0.6, **style)
    if line.knee is not None:
        ring: dict[str, Any] = {"marker": "o", "markersize": 13, "markerfacecolor": "none", "linestyle": "none"}
        axes.plot(
            line.rates[line.knee], line.values_ms[line.knee], markeredgecolor=colour(line.series), **ring, **style
        )


def _place(axes: Axes, rate: float, value: float) -> tuple[float, float]:
    x, y = axes.transAxes.inverted().transform(axes.transData.transform((rate, value)))
    return float(x), float(y)


def _ends(axes: Axes, lines: Sequence[LoadLine]) -> None:
    names = labels([line.name for line in lines], 16)
    label_ends(
        axes,
        [(names[line.name], line.series, *_place(axes, line.rates[-1], line.values_ms[-1])) for line in lines],
    )


def _told(axes: Axes, lines: Sequence[LoadLine], rates: Sequence[float]) -> str:
    told = []
    for line in lines:
        at = dict(zip(line.rates, line.values_ms, strict=True))
        told.append(Told(line.name, line.series, [f"{number(at[r])} ms" if r in at else "" for r in rates]))
    bottom = axes.get_ylim()[0]
    places = [_place(axes, rate, bottom)[0] for rate in rates]
    return as_json(span(axes), places, [f"{count(rate)} msg/s" for rate in rates], told)


def _described(line: LoadLine) -> str:
    points = ", ".join(f"{number(v)} ms at {count(r)} msg/s" for r, v in zip(line.rates, line.values_ms, strict=True))
    return f"{line.name}{' (no valid trial)' if line.doubtful else ''}: {points}" + (
        f"; the knee at {count(line.rates[line.knee])}" if line.knee is not None else ""
    )
