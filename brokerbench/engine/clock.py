"""Where the load loops read the time. A wall clock here; virtual.py has one whose seconds cost nothing."""

import select
import time
from typing import Protocol

__all__ = ["Clock", "WallClock"]


class Clock(Protocol):
    """`wake_ns`: a sleep overshoots by about this much, so what must be on time ends with a spin of that length.
    `real`: whether the time that passes is time in which CPUs work."""

    wake_ns: int
    real: bool

    def now_ns(self) -> int: ...

    def sleep_s(self, seconds: float) -> None: ...

    def readable(self, fd: int, timeout_s: float) -> bool:
        """Whether there is something to read, as soon as there is; false after `timeout_s`."""


class WallClock:
    """CLOCK_MONOTONIC: the same for all processes of a machine, and never set back."""

    wake_ns = 60_000
    real = True
    now_ns = staticmethod(time.monotonic_ns)
    sleep_s = staticmethod(time.sleep)

    def readable(self, fd: int, timeout_s: float) -> bool:
        return bool(select.select([fd], [], [], timeout_s)[0])
