"""How long this machine stood still: a process of its own that only sleeps, and sees by how much it woke too late.

Other processes make it late by milliseconds, since who sleeps is given a CPU first; a whole second is the machine's.
Run as a script, it is that process.
"""

import select
import subprocess
import sys
import time
from contextlib import suppress

__all__ = ["STILL_MOST_S", "Standstill"]

STILL_MOST_S = 1.0  # from then on whoever has some seconds' time for something may be late by no fault of their own
_NAP_S = 0.05
_ANSWERS_S = 30.0


class Standstill:
    """Measures from its making on, until this process ends."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.take()

    def take(self) -> float:
        """The longest since the last call, in seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"?")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], _ANSWERS_S)[0]:
            return _ANSWERS_S  # it stands still at this moment
        return float(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait(_ANSWERS_S)


def main() -> None:
    longest, last = 0.0, time.monotonic()
    while True:
        asked = select.select([sys.stdin], [], [], _NAP_S)[0]
        now = time.monotonic()
        longest, last = max(longest, now - last - _NAP_S), now
        if asked:
            if not sys.stdin.buffer.raw.read(1):
                return
            print(longest, flush=True)
            longest = 0.0


if __name__ == "__main__":
    main()
