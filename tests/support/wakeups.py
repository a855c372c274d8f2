"""How late this machine wakes a process that sleeps on a socket, while something else is measured.

Run as a script, it is that process: every few milliseconds another one writes it the time.
"""

import json
import math
import os
import select
import socket
import subprocess
import sys
import time
from types import TracebackType

__all__ = ["Wakeups"]

_EVERY_S = 0.005
_STAMP_BYTES = 8
_ENDS_S = 30


class Wakeups:
    """Measures while it is entered."""

    def __init__(self) -> None:
        self._late: list[tuple[int, int]] = []  # when it was to wake, how late it did: ns, CLOCK_MONOTONIC

    def __enter__(self) -> "Wakeups":
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            told, _ = self._process.communicate(timeout=_ENDS_S)
        finally:
            self._process.kill()
        self._late = json.loads(told)

    def late_ms(self, share: float, start_ns: int, end_ns: int) -> float:
        """So many of its wake-ups between these moments were no later."""
        late = sorted(late for at, late in self._late if start_ns <= at < end_ns)
        return late[math.ceil(share * len(late)) - 1] / 1e6


def _tick(sleeper: socket.socket) -> None:
    """Until nobody holds our standard input any more."""
    while not select.select([sys.stdin], [], [], _EVERY_S)[0]:
        sleeper.send(time.monotonic_ns().to_bytes(_STAMP_BYTES))


def _sleep(waker: socket.socket) -> None:
    late = []
    while stamp := waker.recv(_STAMP_BYTES):
        woke = time.monotonic_ns()
        at = int.from_bytes(stamp)
        late.append((at, woke - at))
    print(json.dumps(late))


def main() -> None:
    here, there = socket.socketpair()
    if os.fork():
        there.close()
        _sleep(here)
    else:
        here.close()
        _tick(there)


if __name__ == "__main__":
    main()
