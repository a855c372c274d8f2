"""The coordinator's side: destinations made, read back and removed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import Counters, Destination, Endpoints

from .link import ask, leave, reach
from .settings import Settings

__all__ = ["SimulatedAdmin"]


class SimulatedAdmin:
    def __init__(self, address: Mapping[str, Any], settings: Settings) -> None:
        self._address = dict(address)
        self._settings = settings
        self._wire = reach(address)

    def declare(self, destination: Destination) -> Endpoints:
        name, groups = destination.name, list(destination.groups)
        self._ask("declare", name, groups=groups, settings=self._settings.model_dump(mode="json"))
        return Endpoints(self._address, name, dict.fromkeys(groups, name))

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        found: dict[str, str] = self._ask("facts", endpoints.destination)["facts"]
        return found

    def counters(self, endpoints: Endpoints) -> Counters:
        return Counters(**self._ask("counters", endpoints.destination))

    def account(self, endpoints: Endpoints) -> dict[str, Any]:
        """The broker's own: counts and ids (`Account.as_json`), and the CPU seconds it spun."""
        return self._ask("account", endpoints.destination)

    def save_account(self, endpoints: Endpoints, base: Path) -> None:
        """`<base>.json` and, with the times of each message, `<base>.npz`, written by the server."""
        self._ask("save", endpoints.destination, base=str(base))

    def delete(self, endpoints: Endpoints) -> None:
        self._ask("delete", endpoints.destination)

    def busy(self) -> str:
        return ""  # always ours

    def close(self) -> None:
        leave(self._wire)

    def _ask(self, do: str, destination: str, **words: Any) -> dict[str, Any]:
        return ask(self._wire, do=do, destination=destination, **words)
