"""YAML text -> a tree that knows where each key and value stands.

Built from parser events instead of loaded objects, so that what would make a file mean something other than it says
(aliases, merge keys, tags, duplicate keys, more than one document) is seen and refused, and nothing is ever executed.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from .problems import Place, Problem, ScenarioError, Source

__all__ = ["Entry", "Items", "Leaf", "Node", "Table", "parse"]

DEEPEST = 20
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
_HINTS = (  # part of the parser's words -> what a person can do about it
    ("'\\t'", "indent with spaces, not tabs"),
    ("expected chomping or indentation", "put a value that begins with > in quotes, like '>= 5k/s'"),
    ("mapping values are not allowed", "put a value that holds ': ' in quotes, or check the indentation"),
    ("could not find expected ':'", "a key is followed by ': ' and its value"),
    ("found unexpected end of stream", "close the quote"),
    ("<stream end>", "close the bracket"),
    ("that cannot start any token", "put the value in quotes"),
    ("expected <block end>", "check the indentation of this line and the ones above"),
    ("expected ',' or", "close the bracket, or put a comma between entries"),
)


@dataclass(frozen=True)
class Leaf:
    """One value as written. `plain`: without quotes, so that it may be a number, true or false, or nothing."""

    place: Place
    text: str
    plain: bool

    @property
    def empty(self) -> bool:
        return self.plain and self.text in _NULL

    @property
    def finite(self) -> bool:
        value = self.value
        odd = _NOT_FINITE.fullmatch(self.text) is not None or (isinstance(value, float) and not math.isfinite(value))
        return not (self.plain and odd)

    @property
    def value(self) -> str | int | float | bool | None:
        """By YAML 1.2's core schema: `yes` and `on` are words."""
        if not self.plain:
            return self.text
        if self.text in _NULL:
            return None
        if self.text in _BOOL:
            return _BOOL[self.text]
        if _INT.fullmatch(self.text):
            return int(self.text)
        return float(self.text) if _FLOAT.fullmatch(self.text) else self.text


@dataclass(frozen=True)
class Items:
    place: Place
    nodes: list["Node"]


@dataclass(frozen=True)
class Entry:
    place: Place  # of the key
    key: str
    node: "Node"


@dataclass(frozen=True)
class Table:
    place: Place
    entries: dict[str, Entry]

    def get(self, key: str) -> "Node | None":
        entry = self.entries.get(key)
        return entry.node if entry else None


Node = Leaf | Items | Table


def parse(source: Source, text: str, column: int = 0) -> Node:
    """The one document in `text`; `column` is where `text` begins in its line. Raises ScenarioError."""
    builder = _Builder(source, column)
    try:
        builder.take(YAML(typ="safe", pure=True).parse(text))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        at = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        code = error.character if isinstance(error.character, int) else ord(str(error.character)[:1] or " ")
        place = Place(source, line, at + (column if line == 1 else 0))
        raise ScenarioError(
            [Problem(place, f"the character U+{code:04X} is not allowed in YAML", "remove it")]
        ) from None
    except MarkedYAMLError as error:
        raise ScenarioError([builder.syntax(error)]) from None
    except YAMLError as error:
        raise ScenarioError([Problem(Place(source, 1, 1 + column), f"not YAML: {error}")]) from None
    if builder.problems:
        raise ScenarioError(builder.problems)
    if builder.root is None:
        raise ScenarioError(
            [Problem(Place(source, 1, 1 + column), "the file is empty", "`brokerbench init` writes one")]
        )
    return builder.root


class _Builder:
    def __init__(self, source: Source, column: int) -> None:
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._source = source
        self._column = column

    def take(self, events: Iterator[Any]) -> None:
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if self.root is not None:
                    self._refuse(
                        event, "a second document begins here", "one file holds one scenario; remove the ---", 3
                    )
                    return
                if event.version or event.tags:
                    self._refuse(event, "a YAML directive (%...)", "remove the line")
                    return
            elif kind not in {"StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"}:
                self.root = self._node(event, events, 0)

    def syntax(self, error: MarkedYAMLError) -> Problem:
        words = str(error.problem or error.context or "unreadable")
        context = str(error.context or "")
        mark = error.problem_mark or error.context_mark
        place = self._place(mark.line, mark.column, 1) if mark else Place(self._source, 1, 1 + self._column)
        if context.startswith(("while scanning a quoted", "while scanning a simple key")) and error.context_mark:
            # Where it began says more than where the parser gave up.
            place = self._place(error.context_mark.line, error.context_mark.column, 1)
        hint = next((hint for part, hint in _HINTS if part in words), "")
        aside = f" ({context})" if context and "next token" not in context else ""
        return Problem(place, f"not YAML: {words}{aside}", hint)

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        self._look(event)
        kind = type(event).__name__
        if kind == "ScalarEvent":
            return self._leaf(event)
        if kind == "AliasEvent":
            return Leaf(self._at(event), "*", plain=False)
        if depth == DEEPEST:
            raise ScenarioError(
                [*self.problems, Problem(self._at(event), "nested too deep", f"at most {DEEPEST} levels")]
            )
        if kind == "SequenceStartEvent":
            return Items(self._at(event), list(self._sequence(events, depth)))
        return self._table(event, events, depth)

    def _sequence(self, events: Iterator[Any], depth: int) -> Iterator[Node]:
        while type(event := next(events)).__name__ != "SequenceEndEvent":
            yield self._node(event, events, depth + 1)

    def _table(self, start: Any, events: Iterator[Any], depth: int) -> Table:
        entries: dict[str, Entry] = {}
        while type(event := next(events)).__name__ != "MappingEndEvent":
            key = self._node(event, events, depth + 1)
            node = self._node(next(events), events, depth + 1)
            if not isinstance(key, Leaf):
                self.problems.append(Problem(key.place, "a key is one word", "write key: value"))
            elif key.plain and key.text == "<<":
                self.problems.append(Problem(key.place, "merge keys (<<) are not read", "write the keys out"))
            elif key.text in entries:
                first = entries[key.text].place.line
                self.problems.append(
                    Problem(key.place, f"{key.text!r} stands here twice (first on line {first})", "keep one")
                )
            else:
                entries[key.text] = Entry(key.place, key.text, node)
        return Table(self._at(start), entries)

    def _leaf(self, event: Any) -> Leaf:
        plain = event.style is None
        text = str(event.value)
        width = max(1, event.end_mark.column - event.start_mark.column)
        if event.end_mark.line != event.start_mark.line:
            width = 1
        place = self._place(event.start_mark.line, event.start_mark.column, width)
        return Leaf(place, text, plain)

    def _look(self, event: Any) -> None:
        """Refuse what makes a value depend on something written elsewhere, or on code."""
        if type(event).__name__ == "AliasEvent":
            self._refuse(event, f"aliases (*{event.anchor}) are not read", "write the value out")
        elif event.anchor:
            self._refuse(
                event, f"anchors (&{event.anchor}) are not read", "remove it and write the value out where needed"
            )
        elif getattr(event, "tag", None):
            self._refuse(event, f"tags ({event.tag}) are not read", "remove it")

    def _refuse(self, event: Any, message: str, hint: str, width: int = 1) -> None:
        at = self._place(event.start_mark.line, event.start_mark.column, width)
        self.problems.append(Problem(at, message, hint))

    def _at(self, event: Any) -> Place:
        return self._place(event.start_mark.line, event.start_mark.column, 1)

    def _place(self, line: int, column: int, width: int) -> Place:
        return Place(self._source, line + 1, column + 1 + (self._column if line == 0 else 0), width)
