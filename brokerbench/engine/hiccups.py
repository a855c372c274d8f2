"""Moments in which this process did not run at all: stopped, descheduled, or held by one long call.

A thread sleeps 10 ms at a time and notes when it woke much later. What a broker does cannot delay it, so a pause found
here is the generator's, and so are the latencies around it. Source of the idea: G. Tene's jHiccup.
"""

import threading
import time
from typing import Any

__all__ = ["HiccupMeter"]

_STEP_S = 0.010
_LATE_NS = 20_000_000  # a wait for the interpreter's lock (5 ms) or for a busy core's next slice is no pause
_KEPT = 20


class HiccupMeter:
    """Of one child, over the window (ns since t0)."""

    def __init__(self, window_ns: tuple[int, int]) -> None:
        self._window = window_ns
        self._late: list[tuple[int, int]] = []  # (ns since t0, ns late)
        self._over = threading.Event()

    def start(self, t0_ns: int) -> None:
        threading.Thread(target=self._watch, args=(t0_ns,), daemon=True, name="hiccups").start()

    def _watch(self, t0_ns: int) -> None:
        step_ns = int(_STEP_S * 1e9)
        before = time.monotonic_ns() - t0_ns
        while not self._over.wait(_STEP_S):
            now = time.monotonic_ns() - t0_ns
            if now - before - step_ns >= _LATE_NS:
                self._note(before + step_ns, now)
            before = now

    def _note(self, expected_ns: int, woke_ns: int) -> None:
        """As much of the pause as lies in the window."""
        start, end = self._window
        expected_ns, woke_ns = max(expected_ns, start), min(woke_ns, end)
        if woke_ns > expected_ns:
            self._late.append((expected_ns, woke_ns - expected_ns))

    def report(self) -> dict[str, Any]:
        """Ends the watch. Lengths in ms; `longest` has [seconds since t0, ms], the longest first."""
        self._over.set()
        longest = sorted(self._late, key=lambda pause: -pause[1])[:_KEPT]
        return {
            "count": len(self._late),
            "total_ms": round(sum(late for _, late in self._late) / 1e6, 1),
            "max_ms": round(longest[0][1] / 1e6, 1) if longest else 0.0,
            "longest": [[round(at / 1e9, 3), round(late / 1e6, 1)] for at, late in longest],
        }
