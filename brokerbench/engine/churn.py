"""When a child closes its connection to open it again, as `topology.churn` asks, and how long the opening took."""

import numpy as np

from .spec import ChildSpec

__all__ = ["ORDERLY_S", "Reopenings"]

ORDERLY_S = 2.0  # how long an orderly close waits for what is outstanding, and for the new connection at the least
_NEVER_NS = 1 << 62


class Reopenings:
    """One child's. `due_ns`: the next, since t0; never after the window, so that the drain can end.

    The first comes after a random part of the time between two, so that children do not go all at once. A connection
    that takes longer than that to open skips what fell due meanwhile.
    """

    def __init__(self, spec: ChildSpec) -> None:
        self.due_ns = _NEVER_NS
        self._every_ns = round((spec.churn_s or 0.0) * 1e9)
        self._window_ns = spec.window_ns
        self._took_ns: list[int] = []  # of those that began in the window
        self._given = spec.churn_s is not None
        if self._given:
            chance = np.random.default_rng([spec.seed, spec.index, *f"churn {spec.role} {spec.group}".encode()])
            self._set(int(chance.integers(self._every_ns)))

    def begun(self, since_ns: int) -> None:
        """A connection is being closed for the one that was due."""
        missed = (since_ns - self.due_ns) // self._every_ns
        self._set(self.due_ns + (1 + missed) * self._every_ns)

    def opened(self, closed_ns: int, since_ns: int) -> None:
        """It was closed at `closed_ns`, and its successor is ready (both ns since t0)."""
        start, end = self._window_ns
        if start <= closed_ns < end:
            self._took_ns.append(since_ns - closed_ns)

    def totals(self) -> dict[str, list[float]] | None:
        """None where no connection is to be reopened."""
        return {"reconnect_ms": [round(took / 1e6, 6) for took in self._took_ns]} if self._given else None

    def _set(self, due_ns: int) -> None:
        self.due_ns = due_ns if due_ns < self._window_ns[1] else _NEVER_NS
