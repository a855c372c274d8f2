"""Ceilings that were measured before: one small file for each machine, set of versions and set-up."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .folder import write_json

__all__ = ["FIGURES", "CeilingCache"]

FIGURES = ("producers_msgs_s", "consumers_msgs_s", "producers_busy", "consumers_busy")


class CeilingCache:
    """A key is plain JSON. Only its sum is written: settings may hold passwords."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "ceilings"

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """None where there is nothing, or nothing that can be believed: then it is measured and written again."""
        try:
            found = json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if _sound(found) else None

    def put(self, key: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        with suppress(OSError):  # a home that cannot be written to costs the next run a few seconds, no more
            self._folder.mkdir(parents=True, exist_ok=True)
            write_json(self._path(key), dict(record))

    def _path(self, key: Mapping[str, Any]) -> Path:
        text = json.dumps(key, sort_keys=True, separators=(",", ":"), default=str)
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


def _sound(found: object) -> bool:
    if not isinstance(found, dict) or set(found) != {*FIGURES, "measured", "reason"}:
        return False
    numbers = all(isinstance(found[name], (int, float)) and found[name] > 0 for name in FIGURES)
    return numbers and isinstance(found["measured"], str) and isinstance(found["reason"], (str, type(None)))
