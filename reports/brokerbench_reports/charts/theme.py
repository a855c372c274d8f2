"""One look for all charts: placeholder colours that the page turns into CSS variables, text that stays text.

A chart is drawn once and reads in light and dark. Units of a figure are CSS pixels at its natural size, kept small
(phone width) so that the text is still readable where the page scales it down.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = [
    "BAND",
    "COLOURS",
    "GRID",
    "INK",
    "LIMIT",
    "MARKERS",
    "MUTED",
    "PAPER",
    "bare",
    "colour",
    "figure",
    "look",
    "marker",
]

INK, MUTED, GRID, PAPER, BAND, LIMIT = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_SERIES = tuple(f"#0a0a0{i}" for i in range(8))
COLOURS = {INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--card", BAND: "--band", LIMIT: "--bad"} | {
    placeholder: f"--s{i}" for i, placeholder in enumerate(_SERIES)
}
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")

_RC: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.size": 11,
    "text.parse_math": False,
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 1,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 1,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "figure.dpi": 72,
    "savefig.facecolor": "none",
}


def colour(index: int) -> str:
    return _SERIES[index % len(_SERIES)]


def marker(index: int) -> str:
    """From the ninth series on, colours come again with other markers."""
    return MARKERS[(index + index // len(MARKERS)) % len(MARKERS)]


@contextmanager
def look(salt: str) -> Iterator[None]:
    """Matplotlib's settings while a chart is drawn and saved; the salt makes its ids the same every time."""
    settings: Any = _RC | {"svg.hashsalt": salt}  # matplotlib types each key by name
    with mpl.rc_context(settings):
        yield


def figure(width: float, height: float) -> Figure:
    """Width and height in CSS pixels."""
    return Figure(figsize=(width / 72, height / 72))


def bare(axes: Axes, *, grid: str = "y") -> None:
    """Only the grid lines that help to read a value."""
    axes.grid(visible=False)
    axes.grid(visible=True, axis="both" if grid == "both" else "y" if grid == "y" else "x")
    axes.minorticks_off()
    for side in ("left",) if grid == "y" else ("bottom", "left") if grid == "x" else ():
        axes.spines[side].set_visible(False)
