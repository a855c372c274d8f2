"""Keys that the design has and this version does not: refused by name, so that nothing is quietly left out.

Whoever builds one removes its line here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .problems import Problem
from .tree import Table

__all__ = ["refuse_unbuilt"]


@dataclass(frozen=True)
class _Unbuilt:
    path: tuple[str, ...]  # `*` stands for any name
    what: str
    instead: str = "remove it"


_UNBUILT = (
    _Unbuilt(("faults",), "faults: killing or cutting off a broker"),
    _Unbuilt(("sweep",), "sweep: a product of values", "remove it, or run once for each with -o key=value"),
    _Unbuilt(("capacity",), "capacity: the highest rate that meets the slo", "remove it, or use load.model: saturate"),
    _Unbuilt(("options",), "options: settings handed to the client unchecked"),
    _Unbuilt(
        ("brokers", "*", "options"), "options: settings handed to the client unchecked", "use the driver's own keys"
    ),
)


def refuse_unbuilt(root: Table) -> tuple[list[Problem], list[tuple[str, ...]]]:
    """The problems and their paths; what they are about is taken out of the tree, so that each is told once."""
    problems, paths = [], []
    for rule in _UNBUILT:
        for holder, path in list(_matches(root, rule.path)):
            entry = holder.entries[path[-1]]
            problems.append(Problem(entry.place, f"{rule.what} is not built yet in this version", rule.instead))
            paths.append(path)
            del holder.entries[path[-1]]
    return problems, paths


def _matches(
    table: Table, path: tuple[str, ...], before: tuple[str, ...] = ()
) -> Iterator[tuple[Table, tuple[str, ...]]]:
    head, rest = path[0], path[1:]
    for key, entry in table.entries.items():
        if head not in ("*", key):
            continue
        if not rest:
            yield table, (*before, key)
        elif isinstance(entry.node, Table):
            yield from _matches(entry.node, rest, (*before, key))
