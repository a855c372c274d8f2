"""`-o topology.producers=2`: one key of a scenario file, set from the command line."""

from .problems import Place, Problem, ScenarioError, Source
from .tree import Entry, Items, Table, parse

__all__ = ["apply_override"]

_WHOLE_KEYS = {"slo"}  # tables whose keys have dots in them: what follows is one key


def apply_override(root: Table, text: str) -> None:
    """Set the key in the tree; the value is YAML. Raises ScenarioError that points into `text`."""
    source = Source.of("-o", text)
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise _error(source, 1, len(text), f"{text!r} is not key=value", "write it like -o load.warmup=2s")
    if not value.strip():
        raise _error(source, len(key) + 1, 1, f"{key.strip()} has no value", "write it like -o load.warmup=2s")
    node = parse(source, value, column=len(key) + 1)
    parts = key.strip().split(".")
    at: Table | Items = root
    before: list[str] = []
    while True:
        place = Place(source, 1, 1, len(key))
        if isinstance(at, Items):
            head, rest = parts[0], parts[1:]
            if not head.isdecimal() or int(head) >= len(at.nodes):
                there = f"0 to {len(at.nodes) - 1}" if at.nodes else "none"
                raise _error(
                    source, 1, len(key), f"{'.'.join(before)} is a list; there is no entry {head!r}", f"there: {there}"
                )
            if not rest:
                at.nodes[int(head)] = node
                return
            inner = at.nodes[int(head)]
        else:
            head, rest = _key(at, parts, whole=bool(before) and before[-1] in _WHOLE_KEYS)
            if not rest:
                at.entries[head] = Entry(place, head, node)
                return
            inner = at.entries.setdefault(head, Entry(place, head, Table(place, {}))).node
        if not isinstance(inner, (Table, Items)):
            inner = Table(place, {})
            if isinstance(at, Table):
                at.entries[head] = Entry(place, head, inner)
        before.append(head)
        at, parts = inner, rest


def _key(table: Table, parts: list[str], *, whole: bool) -> tuple[str, list[str]]:
    """The longest run of parts that is a key here, else the first part."""
    for length in range(len(parts), 1, -1):
        if ".".join(parts[:length]) in table.entries:
            return ".".join(parts[:length]), parts[length:]
    return (".".join(parts), []) if whole else (parts[0], parts[1:])


def _error(source: Source, column: int, width: int, message: str, hint: str) -> ScenarioError:
    return ScenarioError([Problem(Place(source, 1, column, width), message, hint)])
