"""What the server answers to who administers it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .destinations import Destinations
from .facts import facts
from .model import SimulatedBroker
from .settings import Settings

__all__ = ["Desk"]

Words = Mapping[str, Any]


class Desk:
    """`accounts`: the folder for those that a destination's settings ask for. `spin_ns` is kept by the event loop."""

    def __init__(self, destinations: Destinations, accounts: Path) -> None:
        self.spin_ns = 0
        self._destinations = destinations
        self._accounts = accounts
        self._asked: dict[str, Callable[[Words], Words]] = {
            "declare": self._declare,
            "delete": self._delete,
            "counters": lambda words: asdict(self._broker(words).counters()),
            "facts": lambda words: {"facts": facts(self._broker(words)) | self._spun()},
            "account": lambda words: self._broker(words).account.as_json() | {"spin_s": self.spin_ns / 1e9},
            "save": self._save,
        }

    def answer(self, words: Words) -> Words:
        """`error` holds the reason where it cannot be done."""
        try:
            return self._asked[words["do"]](words)
        except KeyError as missing:
            return {"error": f"the simulated broker has no {missing}"}
        except (OSError, ValueError) as error:
            return {"error": f"the simulated broker cannot {words['do']}: {error}"}

    def _broker(self, words: Words) -> SimulatedBroker:
        return self._destinations[words["destination"]]

    def _declare(self, words: Words) -> Words:
        settings = Settings.from_base(words["settings"])
        self._destinations.declare(words["destination"], words["groups"], settings)
        return {}

    def _delete(self, words: Words) -> Words:
        broker = self._destinations.pop(words["destination"], None)
        if broker is not None and broker.settings.save_account:
            self._write(broker, self._accounts / words["destination"])
        return {}

    def _save(self, words: Words) -> Words:
        self._write(self._broker(words), Path(words["base"]))
        return {}

    def _write(self, broker: SimulatedBroker, base: Path) -> None:
        broker.account.save(base, {"spin_s": self.spin_ns / 1e9})

    def _spun(self) -> dict[str, str]:
        return {"spin": f"{self.spin_ns / 1e9:.3f} s of CPU spent waiting awake, since the server's start"}
