"""JSON Schema of a scenario file, so that editors complete keys and underline slips.

It describes what is written (`10s`, `5k/s`), which the models' own schema does not: that one describes what is kept.
`read` is stricter and has the last word.
"""

from collections.abc import Collection, Mapping
from typing import Any

from brokerbench.model import VALUED_NEEDS, VALUES, Frozen

from .needs import plain_words
from .shape import BROKER_KEYS, Kind, Shape, broker_shape, scenario_shape, table_shape
from .slo import METRICS

__all__ = ["schema"]

_NUMBER = r"[0-9]+(_?[0-9]+)*(\.[0-9]+)?\s*"
_PATTERNS = {
    "count": rf"^\s*{_NUMBER}[kKMG]?\s*$",
    "duration_s": rf"^\s*{_NUMBER}(us|µs|ms|s|m|min|h)\s*$",
    "share": rf"^\s*{_NUMBER}%\s*$",
    "rate_msgs_s": rf"^\s*{_NUMBER}[kKMG]?/s\s*$",
    "size_bytes": rf"^\s*{_NUMBER}(B|kB|KB|MB|KiB|MiB)\s*$",
}
_SIZED = {"type": "string", "pattern": _PATTERNS["size_bytes"]}
_PLAIN = {bool: "boolean", int: "integer", float: "number"}
_NAMES = {"pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"}


def schema(drivers: Mapping[str, type[Frozen]], features: Collection[str]) -> dict[str, Any]:
    top = _schema(scenario_shape())
    keys = top["properties"]
    keys["scenario"]["pattern"] = "^[a-z0-9][a-z0-9-]{0,63}$"
    keys["brokers"] |= {"additionalProperties": _broker(drivers), "propertyNames": _NAMES, "minProperties": 1}
    keys["topology"]["properties"]["groups"]["propertyNames"] = _NAMES
    keys["slo"] |= {"propertyNames": {"enum": list(METRICS)}, "additionalProperties": {"type": ["string", "integer"]}}
    keys["primary"] = {"enum": list(METRICS), "description": "the one figure that is tested"}
    keys["needs"]["items"] = _needs(features)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "brokerbench scenario", **top}


def _needs(features: Collection[str]) -> dict[str, Any]:
    """A word, or a word with its value."""
    values = {word: {"enum": list(VALUES[word])} if word in VALUES else _SIZED for word in VALUED_NEEDS}
    properties = {word: {**value, "description": VALUED_NEEDS[word]} for word, value in values.items()}
    table = {"type": "object", "properties": properties, "minProperties": 1, "additionalProperties": False}
    return {"anyOf": [{"enum": list(plain_words(features))}, table]}


def _broker(drivers: Mapping[str, type[Frozen]]) -> dict[str, Any]:
    """The common keys, and for each driver its own: the value of `driver` decides."""
    common = _schema(broker_shape(None))["properties"]
    common["driver"] = {"enum": sorted(drivers), "description": "which broker"}
    rules = []
    for name, settings in sorted(drivers.items()):
        own = _schema(table_shape(settings))
        properties = {**own["properties"], **dict.fromkeys(BROKER_KEYS, True)}
        then = {"properties": properties, "required": own.get("required", []), "additionalProperties": False}
        rules.append({"if": {"properties": {"driver": {"const": name}}, "required": ["driver"]}, "then": then})
    return {"type": "object", "properties": common, "required": ["driver"], "allOf": rules}


def _schema(shape: Shape) -> dict[str, Any]:
    found = _kinds[shape.kind](shape)
    if shape.optional and shape.kind is not Kind.VALUE:
        found = {"anyOf": [found, {"const": "none"}]}
    if shape.doc:
        found["description"] = shape.doc
    return found


def _table(shape: Shape) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": {key: _schema(each) for key, each in shape.keys.items()}}
    if shape.required:
        found["required"] = sorted(shape.required)
    found["additionalProperties"] = False
    return {"anyOf": [_schema(shape.keys[shape.shorthand]), found]} if shape.shorthand else found


def _map(shape: Shape) -> dict[str, Any]:
    found = {"type": "object", "additionalProperties": _schema(shape.item) if shape.item else True}
    return found | ({"minProperties": shape.least} if shape.least else {})


def _list(shape: Shape) -> dict[str, Any]:
    found = {"type": "array", "items": _schema(shape.item) if shape.item else True}
    return found | ({"minItems": shape.least} if shape.least else {})


def _value(shape: Shape) -> dict[str, Any]:
    unit = shape.unit
    if unit:
        text = {"type": "string", "pattern": _PATTERNS[unit]}
        limits = f"allowed: {shape.range()}"
        number = {"type": "integer", "minimum": 1}
        return {"anyOf": [number, text], "description": limits} if unit == "count" else {**text, "description": limits}
    if shape.words:
        return {"enum": [_number(word) for word in shape.words] if not shape.is_word else list(shape.words)}
    if shape.is_text:
        return {"type": ["string", "number", "boolean"]}  # a name that looks like a number is read as text
    return {"type": _PLAIN[shape.annotation]} if shape.annotation in _PLAIN else {}


def _number(word: str) -> int | str:
    return int(word) if word.isdecimal() else word


_kinds = {Kind.TABLE: _table, Kind.MAP: _map, Kind.LIST: _list, Kind.VALUE: _value}
