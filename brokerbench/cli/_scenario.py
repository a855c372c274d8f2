"""From what a user names (a file, or a shipped scenario) to a checked scenario with its drivers."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import brokerbench_drivers
from brokerbench.contract import Driver, Feature
from brokerbench.model import Frozen, Scenario
from brokerbench_scenarios import decode, read, secrets, shipped_names, shipped_text

from ._errors import BadInput

__all__ = ["FEATURES", "Drivers", "Loaded", "Settings", "load_scenario"]

FEATURES = tuple(feature.value for feature in Feature)


class Drivers(Mapping[str, Driver]):
    """All drivers by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> Driver:
        if name not in brokerbench_drivers.names():
            raise KeyError(name)
        return brokerbench_drivers.load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(brokerbench_drivers.names())

    def __len__(self) -> int:
        return len(brokerbench_drivers.names())


class Settings(Mapping[str, type[Frozen]]):
    """The drivers' Settings, for the checker."""

    def __init__(self, drivers: Mapping[str, Driver]) -> None:
        self._drivers = drivers

    def __getitem__(self, name: str) -> type[Frozen]:
        return self._drivers[name].Settings

    def __iter__(self) -> Iterator[str]:
        return iter(self._drivers)

    def __len__(self) -> int:
        return len(self._drivers)


@dataclass(frozen=True)
class Loaded:
    scenario: Scenario
    text: str  # as written: ${NAME} not replaced
    drivers: Mapping[str, Driver]
    secrets: tuple[str, ...]  # what ${NAME} held: must not be printed or kept
    name: str  # as the user named it
    overrides: tuple[str, ...] = ()

    def changed(self, changes: Mapping[str, str]) -> Scenario:
        """The same text with more keys overridden: it is read again, since the file may be another one by now."""
        more = [f"{key}={value}" for key, value in changes.items()]
        return _read(self.text, self.name, (*self.overrides, *more), self.drivers)


def load_scenario(name: str, overrides: Sequence[str] = ()) -> Loaded:
    """`name`: a path, or the name of a shipped scenario. Raises ScenarioError or BadInput (exit 2)."""
    shown, data = _bytes(name)
    drivers = Drivers()
    text = decode(data, name=shown)
    scenario = _read(text, name, overrides, drivers, shown)
    return Loaded(scenario, text, drivers, secrets((text, *overrides), os.environ), name, tuple(overrides))


def _read(text: str, name: str, overrides: Sequence[str], drivers: Mapping[str, Driver], shown: str = "") -> Scenario:
    return read(
        text,
        name=shown or name,
        drivers=Settings(drivers),
        env=os.environ,
        features=FEATURES,
        overrides=overrides,
        folder=Path(name).parent,
    )


def _bytes(name: str) -> tuple[str, bytes]:
    path = Path(name)
    if not path.exists() and name in shipped_names():
        return f"{name} (shipped)", shipped_text(name).encode()
    try:
        return name, path.read_bytes()
    except OSError as error:
        shipped = ", ".join(shipped_names())
        hint = f"shipped scenarios: {shipped}; `brokerbench init` writes a file of your own"
        raise BadInput(f"cannot read {name}: {error.strerror}", hint) from None
