"""The models of the words, seen as a file has them: which keys, nested how, values of which kind and range.

One walk over the types serves the key check, the error texts and the editors' schema, so a key that is added to a
model is known everywhere at once.
"""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from brokerbench.model import (
    Broker,
    Frozen,
    Scenario,
    count,
    duration_s,
    format_duration,
    rate_msgs_s,
    share,
    size_bytes,
)

__all__ = ["BROKER_KEYS", "Kind", "Shape", "broker_shape", "scenario_shape", "table_shape", "value_words"]


class Kind(StrEnum):
    TABLE = "a table of keys"
    MAP = "a table of names"
    LIST = "a list"
    VALUE = "one value"


@dataclass(frozen=True)
class Shape:
    kind: Kind
    keys: Mapping[str, "Shape"] = field(default_factory=dict)  # TABLE
    required: frozenset[str] = frozenset()  # TABLE
    item: "Shape | None" = None  # MAP, LIST
    annotation: Any = str  # VALUE
    metadata: tuple[Any, ...] = ()  # VALUE
    optional: bool = False  # the word `none` may stand for it
    shorthand: str = ""  # TABLE: the key that one value instead of the table is for
    doc: str = ""
    example: str = ""

    @property
    def unit(self) -> str:
        """The parser's name where a value carries a unit: duration_s, size_bytes, rate_msgs_s, share or count."""
        names = (getattr(getattr(each, "func", None), "__name__", "") for each in self.metadata)
        return next((name for name in names if name in _UNITS), "")

    @property
    def is_text(self) -> bool:
        return self.annotation is str and not self.unit

    @property
    def is_word(self) -> bool:
        """One of several words, all of them text (`acks: 1` is a number elsewhere, and a word here)."""
        members = get_args(self.annotation) if get_origin(self.annotation) is Literal else self.annotation
        return bool(self.words) and all(isinstance(member, str) for member in members)

    @property
    def words(self) -> tuple[str, ...]:
        """What a value of few words may be, else nothing."""
        return value_words(self.annotation)

    @property
    def least(self) -> int:
        """How many entries a list or a table of names has at least."""
        return max((getattr(each, "min_length", 0) for each in self.metadata), default=0)

    def range(self) -> str:
        """`1 to 32`, in the words of the unit; empty where there is none."""
        limits = ("ge", "gt", "le", "lt")
        bounds = {name: getattr(each, name) for each in self.metadata for name in limits if hasattr(each, name)}
        say = _UNITS.get(self.unit, str)
        # A bound that was tightened has both: `more than 0` where the type alone says `0 or more`.
        low, high = bounds.get("gt", bounds.get("ge")), bounds.get("lt", bounds.get("le"))
        if low is not None and high is not None:
            if "gt" not in bounds and "lt" not in bounds:
                return f"{say(low)} to {say(high)}"
            least = f"more than {say(low)}" if "gt" in bounds else f"{say(low)} or more"
            return f"{least}, less than {say(high)}" if "lt" in bounds else f"{least}, up to {say(high)}"
        if low is not None:
            return f"more than {say(low)}" if "gt" in bounds else f"{say(low)} or more"
        return f"{say(high)} or less" if high is not None else ""


def _scaled(value: float) -> str:
    for scale, letter in ((1_000_000, "M"), (1000, "k")):
        if value >= scale and value % scale == 0:
            return f"{value / scale:g}{letter}"
    return f"{value:g}"


def _size(value: float) -> str:
    for scale, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= scale and value % scale == 0:
            return f"{value / scale:g}{unit}"
    return f"{value:g}B"


_UNITS: dict[str, Callable[[float], str]] = {
    count.__name__: _scaled,
    size_bytes.__name__: _size,
    rate_msgs_s.__name__: lambda value: f"{_scaled(value)}/s",
    duration_s.__name__: format_duration,
    share.__name__: lambda value: f"{100 * value:g}%",
}


def value_words(annotation: Any) -> tuple[str, ...]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(member.value) for member in annotation)
    return tuple(str(word) for word in get_args(annotation)) if get_origin(annotation) is Literal else ()


@cache
def table_shape(model: type[Frozen]) -> Shape:
    said = {name: info for name, info in model.model_fields.items() if not info.json_schema_extra}
    keys = {info.alias or name: _field(info) for name, info in said.items()}
    required = frozenset(info.alias or name for name, info in model.model_fields.items() if info.is_required())
    doc = (model.__doc__ or "").strip()
    return Shape(Kind.TABLE, keys=keys, required=required, shorthand=model.shorthand, doc=doc)


def _field(info: FieldInfo) -> Shape:
    example = str(info.examples[0]) if info.examples else ""
    return _shape(info.annotation, tuple(info.metadata), doc=info.description or "", example=example)


def _shape(
    annotation: Any, metadata: tuple[Any, ...], doc: str = "", example: str = "", optional: bool = False
) -> Shape:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shape(args[0], (*args[1:], *metadata), doc, example, optional)
    if origin in {Union, types.UnionType}:
        rest = [each for each in args if each is not type(None)]
        if len(rest) == 1:
            return _shape(rest[0], metadata, doc, example, optional=True)
    # `Field(...)` inside Annotated keeps its bounds one level deeper.
    flat = tuple(m for each in metadata for m in (each.metadata if isinstance(each, FieldInfo) else [each]))
    if isinstance(annotation, type) and issubclass(annotation, Frozen):
        table = table_shape(annotation)
        return replace(table, optional=optional, doc=doc or table.doc, example=example)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Shape(Kind.MAP, item=_shape(args[1], ()), metadata=flat, optional=optional, doc=doc, example=example)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return Shape(Kind.LIST, item=_shape(args[0], ()), metadata=flat, optional=optional, doc=doc, example=example)
    return Shape(Kind.VALUE, annotation=annotation, metadata=flat, optional=optional, doc=doc, example=example)


BROKER_KEYS = tuple(name for name in Broker.model_fields if name != "settings")


def broker_shape(settings: type[Frozen] | None) -> Shape:
    """A candidate's table: the keys that all have, then the driver's own."""
    own = table_shape(settings) if settings else Shape(Kind.TABLE)
    common = {key: shape for key, shape in table_shape(Broker).keys.items() if key in BROKER_KEYS}
    return Shape(Kind.TABLE, keys={**own.keys, **common}, required=own.required | {"driver"})


@cache
def scenario_shape() -> Shape:
    """The whole file. `slo` is a list of Slo in the model, and a table of metric: condition in a file; `needs` a list
    of words and of words with a value."""
    shape = table_shape(Scenario)
    keys = dict(shape.keys)
    keys["slo"] = Shape(Kind.MAP, item=Shape(Kind.VALUE), doc=keys["slo"].doc)
    keys["needs"] = Shape(Kind.LIST, item=Shape(Kind.VALUE), doc=keys["needs"].doc)
    keys["brokers"] = Shape(Kind.MAP, item=broker_shape(None), doc=keys["brokers"].doc)
    return Shape(Kind.TABLE, keys=keys, required=shape.required)
