"""Small bars in the cells of a table: the interval of each figure, its trials as dots, all of a column on one scale."""

from collections.abc import Sequence
from dataclasses import replace

from .cells import Bar, Cell, Record

__all__ = ["with_bars"]

_WIDTH, _ROOM = 64, 4  # in pixels; room for half a dot at each end


def with_bars(rows: Sequence[Record]) -> list[Record]:
    """From zero, so that lengths are quantities; none where a column has one figure alone."""
    width = max((len(row.cells) for row in rows), default=0)
    most = [_most([row.cells[at] for row in rows if at < len(row.cells)]) for at in range(width)]
    return [replace(row, cells=[_barred(cell, most[at]) for at, cell in enumerate(row.cells)]) for row in rows]


def _most(cells: Sequence[Cell]) -> float:
    """The highest figure of a column; 0 where there is nothing to compare."""
    found = [cell.values for cell in cells if cell.values]
    return max(map(max, found)) if len(found) > 1 else 0.0


def _barred(cell: Cell, most: float) -> Cell:
    if not cell.values or most <= 0:
        return cell
    places = [round(_ROOM + (_WIDTH - 2 * _ROOM) * max(value, 0.0) / most, 1) for value in cell.values]
    return replace(cell, bar=Bar(min(places), max(places), places))
