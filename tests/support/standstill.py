"""How long this machine stood still: a process of its own that only sleeps, and sees by how much it woke too late.

Other processes make it late by milliseconds, since who sleeps is given a CPU first; a whole second is the machine's.
Run as a script, it is that process.
"""

import os
import select
import subprocess
import sys
import time

__all__ = ["STILL_MOST_S", "Standstill"]

STILL_MOST_S = 1.0  # from then on whoever has some seconds' time for something may be late by no fault of their own
_NAP_S = 0.05
_ANSWERS_S = 30.0
_LINE = 32  # bytes of an answer


class Standstill:
    """Measures from its making on, until this process ends."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is not for it: it ends with us
        )
        self._owed = 0  # answers that came too late for their question
        self.take()

    def take(self) -> float:
        """The longest since the last call, in seconds; 0.0 where it is gone, so that nothing is excused."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(b"?")
        except OSError:
            return 0.0
        self._owed += 1
        longest_s = 0.0
        while self._owed:
            if not select.select([self._process.stdout], [], [], _ANSWERS_S)[0]:
                return _ANSWERS_S  # it stands still at this moment
            told = os.read(self._process.stdout.fileno(), _LINE)
            if len(told) < _LINE:
                return 0.0
            self._owed -= 1
            longest_s = float(told)  # of the last question
        return longest_s

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(_ANSWERS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()


def main() -> None:
    longest, last = 0.0, time.monotonic()
    while True:
        asked = select.select([sys.stdin], [], [], _NAP_S)[0]
        now = time.monotonic()
        longest, last = max(longest, now - last - _NAP_S), now
        if asked:
            if not os.read(sys.stdin.fileno(), 1):
                return
            os.write(sys.stdout.fileno(), f"{longest:{_LINE}.6f}".encode())
            longest = 0.0


if __name__ == "__main__":
    main()
