"""What a reader gets told at a place of a chart: by the page's script, from the figures that were drawn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from brokerbench_reports.words import clean

__all__ = ["Told", "as_json", "span"]


@dataclass(frozen=True)
class Told:
    """One line of a chart: a text at each place; empty where it has none there. `series` None: of all candidates."""

    name: str
    series: int | None
    values: Sequence[str]


def span(axes: Axes, *, rows: bool = False) -> tuple[float, float]:
    """Where the axes begin and end in the drawing's own units: from left to right, or from top to bottom."""
    drawing = axes.get_figure()
    assert drawing is not None
    box = axes.get_position()
    width, height = (72 * side for side in drawing.get_size_inches())  # type: ignore[union-attr]
    return ((1 - box.y1) * height, (1 - box.y0) * height) if rows else (box.x0 * width, box.x1 * width)


def as_json(
    ends: tuple[float, float], at: Sequence[float], labels: Sequence[str], lines: Sequence[Told], *, rows: bool = False
) -> str:
    """`at`: places as shares of the way from one end of the axes to the other. `rows`: they lie below each other."""
    told: dict[str, Any] = {
        "from": round(ends[0], 1),
        "to": round(ends[1], 1),
        "rows": rows,
        "at": [round(place, 4) for place in at],
        "labels": [clean(label) for label in labels],
        "lines": [
            {"name": clean(line.name), "series": line.series, "values": [clean(v) for v in line.values]}
            for line in lines
        ],
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
