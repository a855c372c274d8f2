"""Percentile curves on HdrHistogram's axis: each step to the right is ten times rarer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from brokerbench_reports.words import figure as number
from brokerbench_reports.words import labels

from .axes import label_ends, log_axis, log_ticks
from .reading import Told, as_json, span
from .svg import inline
from .theme import INK, bare, colour, figure, look, marker

__all__ = ["Curve", "percentiles"]

_NAMED = ((0.0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99"), (0.99999, "99.999"))


@dataclass(frozen=True)
class Curve:
    """Quantiles 0..1, ascending, and their values in ms."""

    name: str
    series: int
    quantiles: Sequence[float]
    values_ms: Sequence[float]


def percentiles(curves: Sequence[Curve], label: str, key: str) -> Markup | None:
    """None where there is nothing to draw."""
    curves = [curve for curve in curves if len(curve.values_ms) > 1 and max(curve.values_ms) > 0]
    if not curves:
        return None
    last = max(rarity(curve.quantiles[-1]) for curve in curves)
    values = [v for curve in curves for v in curve.values_ms if v > 0]
    _, bottom, top = log_ticks(min(values), max(values))
    with look(key):
        drawing = figure(400, 290)
        axes = drawing.subplots()
        drawing.subplots_adjust(left=0.115, right=0.69, top=0.92, bottom=0.145)
        bare(axes, grid="both")
        log_axis(axes, "y", bottom, top)
        axes.set_xlim(0, last)
        ticks = [(rarity(q), text) for q, text in _NAMED if rarity(q) <= last + 1e-9]
        axes.xaxis.set_major_locator(FixedLocator([at for at, _ in ticks]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda _, at: ticks[at][1] if at is not None else ""))
        axes.set_xlabel("percentile of messages, %")
        axes.text(0, 1.04, f"{label}, ms (log scale)", transform=axes.transAxes, color=INK, weight="bold")
        ends = []
        names = labels([curve.name for curve in curves], 16)
        for curve in curves:
            x = [rarity(q) for q in curve.quantiles]
            style: dict[str, Any] = {"color": colour(curve.series), "clip_on": False, "gid": f"of-{curve.series}"}
            axes.plot(x, np.maximum(curve.values_ms, bottom), **style)
            marks = [at for at, _ in ticks[1:] if at <= x[-1]]
            heights = np.interp(marks, x, np.maximum(curve.values_ms, bottom))
            axes.plot(marks, heights, linestyle="none", marker=marker(curve.series), markersize=5, **style)
            height = np.log(max(curve.values_ms[-1], bottom) / bottom) / np.log(top / bottom)
            ends.append((names[curve.name], curve.series, x[-1] / last, float(height)))
        label_ends(axes, ends)
        return inline(drawing, key, f"{label}: percentile curves", _described(curves), _told(axes, curves, last))


def _told(axes: Axes, curves: Sequence[Curve], last: float) -> str:
    places = sorted({q for curve in curves for q in curve.quantiles})
    lines = []
    for curve in curves:
        at = dict(zip(curve.quantiles, curve.values_ms, strict=True))
        lines.append(Told(curve.name, curve.series, [f"{number(at[q])} ms" if q in at else "" for q in places]))
    return as_json(span(axes), [rarity(q) / last for q in places], [f"p{100 * q:.6g}" for q in places], lines)


def rarity(quantile: float) -> float:
    """How many times ten the rest of the messages is rarer: 0.9 -> 1, 0.99 -> 2."""
    return -float(np.log10(max(1 - quantile, 1e-7)))


def _described(curves: Sequence[Curve]) -> str:
    said = []
    for curve in curves:
        points = [
            f"p{text} {number(float(np.interp(q, curve.quantiles, curve.values_ms)))} ms"
            for q, text in _NAMED[1:]
            if q <= curve.quantiles[-1] + 1e-12
        ]
        said.append(f"{curve.name}: {', '.join(points)}")
    return "; ".join(said)
