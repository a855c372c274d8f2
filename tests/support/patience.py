"""Limits for what must come soon, on a machine that may stand still meanwhile."""

import time
from pathlib import Path

__all__ = ["Patience", "stolen_s"]

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


def stolen_s() -> float:
    """CPU seconds that the hypervisor gave to others since the start, over all CPUs; 0 where the kernel counts none."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    return int(fields[8]) / 100 if len(fields) > 8 else 0.0
