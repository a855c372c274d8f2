"""What is wrong in a scenario file, and where: every complaint points at the characters it is about."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Place", "Problem", "ScenarioError", "Source", "closest", "nearest"]

WIDEST_LINE = 160


@dataclass(frozen=True)
class Source:
    """A text that was read: a file, or one `-o` override."""

    name: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, name: str, text: str) -> "Source":
        return cls(name, tuple(text.splitlines()))


@dataclass(frozen=True)
class Place:
    """Line and column count from 1, as editors do."""

    source: Source
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"

    def shown(self) -> str:
        """The line and a caret under the place; a very long line is cut around the place."""
        line = self.source.lines[self.line - 1] if 0 < self.line <= len(self.source.lines) else ""
        start = 0 if len(line) <= WIDEST_LINE else max(0, self.column - WIDEST_LINE // 2)
        part = line[start : start + WIDEST_LINE]
        before = "".join("\t" if letter == "\t" else " " for letter in part[: self.column - 1 - start])
        carets = "^" * max(1, min(self.width, len(part) - len(before)))
        return f"  {self.line:>4} | {part}\n       | {before}{carets}"


@dataclass(frozen=True)
class Problem:
    """One reason why the file cannot be run, in one line, and what to do about it."""

    place: Place
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f"; {self.hint}" if self.hint else "")

    def render(self) -> str:
        """As a terminal shows it: the reason, the line with a caret, the hint."""
        hint = f"\n       = {self.hint}" if self.hint else ""
        return f"{self.place}: {self.message}\n{self.place.shown()}{hint}"


class ScenarioError(ValueError):
    """The scenario cannot be run; `problems` in the order of the file, never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        # What -o brought comes after the file's own problems; the sort is stable.
        self.problems: tuple[Problem, ...] = tuple(sorted(problems, key=_order))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def render(self) -> str:
        return "\n\n".join(problem.render() for problem in self.problems)


def _order(problem: Problem) -> tuple[bool, int, int]:
    place = problem.place
    return place.source.name == "-o", place.line, place.column


def closest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant; capitals and `-`/`_` are forgiven."""
    folded = {_fold(name): name for name in known}
    near = difflib.get_close_matches(_fold(word), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def nearest(word: str, known: Sequence[str], shown: str = "") -> str:
    """`did you mean 'prefetch'? known here: ...`; `shown` is the list in shorter words, where it is long."""
    meant = closest(word, known)
    return (f"did you mean {meant!r}? " if meant else "") + f"known here: {shown or ', '.join(known) or 'none'}"


def _fold(word: str) -> str:
    return word.lower().replace("_", "-")
