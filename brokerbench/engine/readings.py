"""The broker's own counters while the load runs, on the trial's clock.

Read by a thread of the coordinator over a connection of its own, no oftener than the driver says that its broker bears:
the load's processes neither know nor wait. What a broker answers to then is work of its own, and in its CPU.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Self

from brokerbench.contract import Admin, Counters

__all__ = ["Readings"]

_CLOSE_S = 10.0


class Readings:
    """From `start(t0_ns)` to `stop()`; `lines` holds what was read so far. A reading that fails ends them, and the last
    line says why. `every_s` None: the broker is not asked."""

    def __init__(self, admin: Callable[[], Admin], read: Callable[[Admin], Counters], every_s: float | None) -> None:
        self._admin, self._read, self._every_s = admin, read, every_s
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.lines: list[dict[str, Any]] = []

    def start(self, t0_ns: int) -> None:
        if self._every_s is not None:
            self._thread = threading.Thread(target=self._run, args=(t0_ns,), daemon=True, name="broker-readings")
            self._thread.start()

    def stop(self) -> None:
        """Returns when the connection is closed, or after a broker that does not answer has had time enough."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, t0_ns: int) -> None:
        assert self._every_s is not None
        try:
            admin = self._admin()
            try:
                self._ask(admin, t0_ns, round(self._every_s * 1e9))
            finally:
                admin.close()
        except Exception as error:  # noqa: BLE001 - a broker going down, a library's surprise: no reading, no more
            if not self._over.is_set():
                at_s = (time.monotonic_ns() - t0_ns) / 1e9
                self.lines.append({"t": round(at_s, 3), "error": f"{type(error).__name__}: {error}"})

    def _ask(self, admin: Admin, due_ns: int, every_ns: int) -> None:
        """First at t0, against which the first rate is reckoned."""
        t0_ns = due_ns
        while not self._over.wait(max(0.0, (due_ns - time.monotonic_ns()) / 1e9)):
            began_ns = time.monotonic_ns()
            counters = self._read(admin)
            ended_ns = time.monotonic_ns()
            self.lines.append(_line((began_ns + ended_ns) / 2 - t0_ns, ended_ns - began_ns, counters))
            due_ns += every_ns * max(1, -(-(ended_ns - due_ns) // every_ns))  # after a stall no burst of readings


def _line(at_ns: float, took_ns: int, counters: Counters) -> dict[str, Any]:
    return {
        "t": round(at_ns / 1e9, 3),
        "took_ms": round(took_ns / 1e6, 3),
        "published": counters.published,
        "delivered": dict(counters.delivered),
        "stored": counters.stored,
    }
