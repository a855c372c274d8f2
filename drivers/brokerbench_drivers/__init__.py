"""The drivers by name: built-in ones by scanning this package, others by the entry point `brokerbench.drivers`.

Importing this imports no driver and no client library: listing must be quick and work on a bare machine.
"""

import difflib
import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from brokerbench.contract import Driver

__all__ = ["UnknownDriver", "load", "names", "reference"]

ENTRY_POINTS = "brokerbench.drivers"


class UnknownDriver(LookupError):
    """No driver of that name; the text lists those there are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"no driver is called {name!r}{meant} (there are: {', '.join(known)})")


def names() -> tuple[str, ...]:
    """All drivers, sorted."""
    return tuple(sorted({*_built_in(), *_others()}))


def reference(name: str) -> str:
    """`module:attribute` of a driver: what child processes import it by. A built-in name wins over an entry point's."""
    if name in _built_in():
        return f"{__name__}.{name}:DRIVER"
    others = _others()
    if name not in others:
        raise UnknownDriver(name, names())
    return others[name]


def load(name: str) -> "Driver":
    """Import a driver. Its client library is imported only when it connects."""
    module, _, attribute = reference(name).partition(":")
    return cast("Driver", getattr(importlib.import_module(module), attribute))


@functools.cache  # a folder that stays as it is while a program runs, asked for with every driver
def _built_in() -> tuple[str, ...]:
    return tuple(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def _others() -> dict[str, str]:
    from importlib.metadata import entry_points

    found = entry_points(group=ENTRY_POINTS)
    return {point.name: f"{point.module}:{point.attr or 'DRIVER'}" for point in found}
