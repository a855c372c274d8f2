"""Sums of which one part may not have been measured: then the sum was not either."""

from collections.abc import Iterable

__all__ = ["Matrix", "summed", "total"]

Matrix = dict[str, dict[str, int]]  # what the sender was told -> delivered, absent -> messages


def total(figures: Iterable[int | None]) -> int | None:
    known = 0
    for figure in figures:
        if figure is None:
            return None
        known += figure
    return known


def summed(matrices: Iterable[Matrix | None]) -> Matrix | None:
    """Cell by cell; None for no matrix at all, too."""
    out: Matrix = {}
    for matrix in matrices:
        if matrix is None:
            return None
        for told, row in matrix.items():
            into = out.setdefault(told, {})
            for became, number in row.items():
                into[became] = into.get(became, 0) + number
    return out or None
