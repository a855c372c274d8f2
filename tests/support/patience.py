"""Limits for what must come soon, on a machine that may stand still meanwhile."""

import time
from collections.abc import Callable
from typing import Any

__all__ = ["Patience", "until"]

_SLICE_S = 0.05  # between two looks that are 10 ms apart; a longer pause nobody had, neither we nor who is waited for


class Patience:
    """Runs out after `limit_s` of a machine that runs: what it stood still between two looks does not count."""

    def __init__(self, limit_s: float) -> None:
        self._left_s, self._looked = limit_s, time.monotonic()

    def over(self) -> bool:
        """To be asked at every look."""
        now = time.monotonic()
        self._left_s -= min(now - self._looked, _SLICE_S)
        self._looked = now
        return self._left_s < 0


def until(holds: Callable[[], Any], what: str | Callable[[], str], deadline_s: float = 60.0) -> Any:
    """Poll until it gives something true, and return that; the deadline is for a broken program. `what` may say how far
    it came."""
    patience = Patience(deadline_s)
    while not (found := holds()):
        assert not patience.over(), f"not within {deadline_s:g} s: {what if isinstance(what, str) else what()}"
        time.sleep(0.01)
    return found
