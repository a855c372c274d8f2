"""One cell of a table: a text, how it looks, and the file of the run folder it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from brokerbench_reports.words import NOT_MEASURED, count, figure

__all__ = ["Bar", "Cell", "Column", "Record", "Who", "counted", "link", "measured", "text"]


@dataclass(frozen=True)
class Column:
    label: str
    unit: str = ""
    css: str = ""

    @property
    def titled(self) -> str:
        return f"{self.label}, {self.unit}" if self.unit else self.label


@dataclass(frozen=True)
class Who:
    """A candidate as the page names it; `series` picks its colour and marker, the same everywhere."""

    name: str
    series: int
    about: str = ""
    href: str = ""


@dataclass(frozen=True)
class Bar:
    """Places in pixels from the left: where the interval begins and ends, and each trial."""

    low: float
    high: float
    dots: Sequence[float]


@dataclass(frozen=True)
class Cell:
    """`sort`: what a column is sorted by, where it is not the text. `values`: the figure of each trial, for a bar."""

    text: str
    note: str = ""
    source: str = ""
    css: str = ""
    badge: str = ""
    links: Sequence[tuple[str, str]] = ()
    sort: float | None = None
    values: Sequence[float] = ()
    bar: Bar | None = None


@dataclass(frozen=True)
class Record:
    """One row of a table. `part` alone is a heading inside it; `rest` is said where the cells are missing."""

    cells: Sequence[Cell] = ()
    who: Who | None = None
    apart: bool = False
    rest: str = ""
    part: str = ""


def measured(
    number: float | None,
    *,
    digits: int = 3,
    note: str = "",
    source: str = "",
    at_least: bool = False,
    why: str = NOT_MEASURED,
) -> Cell:
    """A figure; where there is none, the cell says so in words."""
    if number is None:
        return Cell(why, css="n none", source=source)
    return Cell(("≥ " if at_least else "") + figure(number, digits), note, source, "n", sort=number)


def counted(number: float | None, source: str = "", *, loud: bool = False, note: str = "") -> Cell:
    """A number of messages; `loud` where anything but 0 matters."""
    if number is None:
        return Cell(NOT_MEASURED, css="n none", source=source)
    return Cell(count(number), note, source, "n loud" if loud and number else "n", sort=number)


def text(words: str, *, badge: str = "", note: str = "", source: str = "") -> Cell:
    return Cell(words, note, source, badge=badge)


def link(*path: str) -> str:
    """To a file of the run folder, relative to the page that lies in it."""
    return "/".join(quote(part, safe="") for part in path)
