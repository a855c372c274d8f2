"""Tree -> plain data for the models: which keys are known, which are missing, and values of the right kind.

Every complaint carries its place. What a complaint is about is left out of the data and remembered, so that the models
do not complain about the same thing again.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from .problems import Place, Problem, closest, nearest
from .shape import BROKER_KEYS, Kind, Shape
from .tree import Items, Leaf, Node, Table

__all__ = ["ENVIRONMENT", "Checker"]

Path = tuple[str, ...]

ENVIRONMENT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_EXAMPLES = {  # what to write for a key that is missing
    "brokers": "brokers: {nats: {driver: nats}}",
    "cardinality": "cardinality: 10k",
    "driver": "driver: nats",
    "load": "load: {model: open, stages: [{steady: 10s, rate: 2k/s}]}",
    "message": "message: {size: 1KiB}",
    "model": "model: open",
    "scenario": "scenario: my-first",
    "size": "size: 1KiB",
    "stages": "stages: [{steady: 10s, rate: 2k/s}]",
    "steady": "steady: 10s",
}


class Checker:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.flagged: list[Path] = []  # already complained about
        self.places: dict[Path, Place] = {}  # of values; of tables and lists: their keys
        self.keys: dict[Path, Place] = {}
        self._leaves: dict[Path, Leaf] = {}
        self._shapes: dict[Path, Shape] = {}
        self._env = env
        self._brought: set[str] = set()  # what ${NAME} held: never printed

    def complain(self, path: Path, place: Place, message: str, hint: str = "") -> None:
        for value in self._brought:
            message = message.replace(value, "***")
        self.problems.append(Problem(place, message, hint))
        self.flagged.append(path)

    def collect(self, node: Node, shape: Shape, path: Path, place: Place) -> Any:
        """Plain data, or None where it was complained about. `place` is the key's."""
        self.keys[path], self._shapes[path] = place, shape
        self.places[path] = node.place if isinstance(node, Leaf) else place
        name = _dotted(path) or "a scenario"
        if isinstance(node, Leaf):
            if shape.optional and node.text == "none":
                return None
            if node.empty:
                return self.complain(path, place, f"{name} has no value", "give it one, or remove the line")
        if shape.shorthand and isinstance(node, Leaf):
            return {shape.shorthand: self.collect(node, shape.keys[shape.shorthand], path, place)}
        kinds: dict[Kind, tuple[type[Node], Any]] = {
            Kind.TABLE: (Table, self._table),
            Kind.MAP: (Table, self._map),
            Kind.LIST: (Items, self._list),
            Kind.VALUE: (Leaf, self._value),
        }
        wanted, collect = kinds[shape.kind]
        if not isinstance(node, wanted):
            return self.complain(path, node.place, f"{name} is {shape.kind}; found {_found(node)}")
        return collect(node, shape, path)

    def validated(self, error: ValidationError, before: Path = ()) -> None:
        """Turn a model's complaints into ours, at their places."""
        for each in error.errors():
            path = (*before, *(str(part) for part in each["loc"]))
            while path not in self.places and path != before:
                path = path[:-1]
            if any(flagged[: len(path)] == path for flagged in self.flagged):
                continue
            self.complain(path, self.places.get(path, self.places[()]), *self._words(each, path))

    def _words(self, error: Any, path: Path) -> tuple[str, str]:
        name, leaf, shape = _dotted(path), self._leaves.get(path), self._shapes.get(path)
        if leaf and ENVIRONMENT.search(leaf.text):
            return f"{name}: what {leaf.text} holds is not accepted (not shown here, it may be a secret)", ""
        found = f"{name} is {leaf.text}" if leaf else name
        limits = shape.range() if shape else ""
        if error["type"] in {"greater_than_equal", "less_than_equal", "greater_than", "less_than"} and limits:
            return f"{found}; allowed: {limits}", ""
        if error["type"] == "too_short":
            return f"{name} needs at least one entry", _hint(path[-1])
        if error["type"] == "string_pattern_mismatch":
            return f"{found}; allowed: small letters, digits and '-', at most 64", ""
        cause = error.get("ctx", {}).get("error")
        allowed = f"; allowed: {limits}" if leaf and limits else ""
        return f"{name or 'a scenario'}: {cause or error['msg']}{allowed}", ""

    def _table(self, node: Table, shape: Shape, path: Path) -> Any:
        data, meant = {}, set()
        for key, entry in node.entries.items():
            inner = (*path, key)
            if key in shape.keys:
                data[key] = self.collect(entry.node, shape.keys[key], inner, entry.place)
            else:
                text = f"{key!r} is not a key of {_dotted(path) or 'a scenario'}"
                self.complain(inner, entry.place, text, nearest(key, sorted(shape.keys)))
                meant.add(closest(key, sorted(shape.keys)))
        for key in sorted(shape.required - set(node.entries)):
            if key in meant:  # misspelt, which was said
                self.flagged.append((*path, key))
            elif (*path, key) not in self.flagged:
                self.complain((*path, key), self.places[path], f"{_dotted((*path, key))} is missing", _hint(key))
        return self._unflagged(data, path)

    def _map(self, node: Table, shape: Shape, path: Path) -> Any:
        data = {}
        for key, entry in node.entries.items():
            inner = (*path, key)
            if path in {("brokers",), ("topology", "groups")} and not _NAME.fullmatch(key):
                text = f"the name {key!r} in {_dotted(path)}; allowed: small letters, digits, '-' and '_', at most 64"
                self.complain(inner, entry.place, text)
            elif shape.item:
                data[key] = self.collect(entry.node, shape.item, inner, entry.place)
        return self._unflagged(data, path)

    def _list(self, node: Items, shape: Shape, path: Path) -> Any:
        data = {}
        for index, each in enumerate(node.nodes):
            if shape.item:
                data[str(index)] = self.collect(each, shape.item, (*path, str(index)), each.place)
        return list(self._unflagged(data, path).values())

    def _unflagged(self, data: dict[str, Any], path: Path) -> dict[str, Any]:
        return {key: value for key, value in data.items() if (*path, key) not in self.flagged}

    def _value(self, node: Leaf, shape: Shape, path: Path) -> Any:
        name = _dotted(path)
        self._leaves[path] = node
        if not node.finite:
            allowed = shape.range()
            text = f"{name} is {node.text}, which is no finite number{f'; allowed: {allowed}' if allowed else ''}"
            return self.complain(path, node.place, text, "write a number with its unit, like 5k/s")
        if "${" in node.text:
            return self._from_environment(node, shape, path)
        words = shape.words
        if words and node.text not in words:
            hint = nearest(node.text, words) if shape.annotation is not bool else ""
            return self.complain(path, node.place, f"{name} is {node.text}, which is not one of its words", hint)
        if shape.is_text or shape.unit or shape.is_word:
            return node.text
        if shape.annotation is bool and not isinstance(node.value, bool):
            return self.complain(path, node.place, f"{name} is true or false; found {node.text}")
        return node.value

    def _from_environment(self, leaf: Leaf, shape: Shape, path: Path) -> Any:
        """`${NAME}` stands for secrets and addresses only, so that a scenario says itself what it measures."""
        name = _dotted(path)
        own = len(path) > 2 and path[0] == "brokers" and (path[2] == "url" or path[2] not in BROKER_KEYS)
        if not (own and shape.is_text):
            hint = "it may stand in a broker's url and in text settings of its driver"
            return self.complain(path, leaf.place, f"{name} cannot come from the environment", hint)
        rest = ENVIRONMENT.sub("", leaf.text)
        if "${" in rest:
            return self.complain(path, leaf.place, f"{name}: a variable is written ${{NAME}}; found {leaf.text}")
        missing = [variable for variable in ENVIRONMENT.findall(leaf.text) if variable not in self._env]
        if missing:
            hint = f"export {missing[0]}=... before the run"
            return self.complain(path, leaf.place, f"the environment has no variable {missing[0]} (for {name})", hint)
        self._brought |= {self._env[variable] for variable in ENVIRONMENT.findall(leaf.text)} - {""}
        return ENVIRONMENT.sub(lambda match: self._env[match[1]], leaf.text)


def _dotted(path: Path) -> str:
    return ".".join(path)


def _hint(key: str) -> str:
    return f"add it, like {_EXAMPLES[key]}" if key in _EXAMPLES else "add it"


def _found(node: Node) -> str:
    if isinstance(node, Leaf):
        return f"the value {node.text!r}"
    return "a list" if isinstance(node, Items) else "a table of keys"
