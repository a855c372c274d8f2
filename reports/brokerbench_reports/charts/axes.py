"""Axes and labels that several charts share: log ticks in plain numbers, names set beside their lines."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from .theme import GRID, INK, colour, marker

__all__ = ["apart", "label_ends", "linear_axis", "log_axis", "log_ticks"]


def log_ticks(low: float, high: float, most: int = 7) -> tuple[list[float], float, float]:
    """Ticks, and the range widened to them: 1-2-5 steps where at most `most` fit, else 1-3, else decades."""
    low, high = max(low, 1e-9), max(high, low, 1e-9)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks, bottom, top = _ladder(low, high, steps)
        if len(ticks) <= most:
            break
    return ticks[:: -(-len(ticks) // (most + 1))], bottom, top


def _ladder(low: float, high: float, steps: tuple[int, ...]) -> tuple[list[float], float, float]:
    spread = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    ladder = [step * 10.0**power for power in spread for step in steps]
    bottom = max((tick for tick in ladder if tick <= low * 1.001), default=low)
    top = min((tick for tick in ladder if tick >= high * 0.999), default=high)
    if top <= bottom:
        top = min(tick for tick in ladder if tick > bottom)
    return [tick for tick in ladder if bottom <= tick <= top], bottom, top


def log_axis(axes: Axes, which: str, low: float, high: float, most: int = 7) -> None:
    """A log axis whose labels are plain numbers (0.1, 1, 30)."""
    ticks, bottom, top = log_ticks(low, high, most)
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    (axes.set_xlim if which == "x" else axes.set_ylim)(bottom, top)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:,.12g}"))


def linear_axis(axes: Axes, which: str, high: float, ticks: int = 4) -> None:
    """From zero, so that a length is a quantity; the top is a tick."""
    locator = MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10])
    edges = locator.tick_values(0, high * 1.04 if high > 0 else 1)
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xlim if which == "x" else axes.set_ylim)(0, float(edges[-1]))
    axis.set_major_locator(FixedLocator([float(edge) for edge in edges if edge >= 0]))
    axis.set_major_formatter(FuncFormatter(lambda tick, _: _thousands(tick)))


def _thousands(tick: float) -> str:
    if abs(tick) >= 1e6:
        return f"{tick / 1e6:g} M"
    return f"{tick / 1e3:g} k" if abs(tick) >= 1e4 else f"{tick:,.12g}"


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to the wanted ones as a gap between neighbours allows, kept in their order and in the range."""
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    placed = [0.0] * len(wanted)
    edge = low
    for i in order:
        placed[i] = max(wanted[i], edge)
        edge = placed[i] + gap
    edge = high
    for i in reversed(order):
        placed[i] = min(placed[i], edge)
        edge = placed[i] - gap
    return placed


def label_ends(axes: Axes, ends: Sequence[tuple[str, int, float, float]], gap: float = 0.068) -> None:
    """Each line's name at the right edge, with its marker. `ends`: name, series, last x and y in axes units 0..1."""
    for (name, series, x, y), place in zip(ends, apart([end[3] for end in ends], gap, 0.0, 1.0), strict=True):
        group = f"of-{series}"
        axes.plot([x, 1.03], [y, place], transform=axes.transAxes, color=GRID, linewidth=1, clip_on=False, gid=group)
        axes.plot(
            [1.045],
            [place],
            transform=axes.transAxes,
            color=colour(series),
            marker=marker(series),
            markersize=5,
            clip_on=False,
            gid=group,
        )
        axes.text(
            1.07,
            place,
            name,
            transform=axes.transAxes,
            color=INK,
            fontsize=10.5,
            va="center_baseline",
            gid=group,
        )
