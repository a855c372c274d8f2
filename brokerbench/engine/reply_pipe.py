"""From who receives replies to who sent the requests: which were replied to, and when each reply came.

They are processes of their own, and the next request may depend on a reply. A named pipe between the two wakes the one
who waits, costs one write for a batch, and neither side ever waits for the other to take part.
"""

import os
from collections import deque
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench import stamp

from .clock import Clock
from .spec import ChildSpec

__all__ = ["ReplyReader", "ReplyWriter", "reply_pipe"]

_READ_BYTES = 1 << 20
_ATOMIC_BYTES = 4096  # Linux, pipe(7): a write of at most so many is whole or not at all
_ROW_BYTES = 16

Ints = NDArray[np.int64]


def reply_pipe(folder: Path, producer: int) -> Path:
    """The producer's."""
    return folder / f"replies-{producer}.pipe"


class ReplyWriter:
    """For a recorder: sees the stamps of what was received."""

    def __init__(self, spec: ChildSpec) -> None:
        assert spec.replies_through is not None
        self._tag = spec.tag
        self._pipe = _open(spec.replies_through)
        self._waiting: deque[bytes] = deque()  # found the pipe full

    def add(self, words: NDArray[np.uint64], received_ns: Ints | int) -> None:
        """(n, 2) stamp words and the time of arrival of each, or of all."""
        first, second = words[:, 0], words[:, 1]
        rows = np.empty((len(words), 2), "<i8")
        rows[:, 0] = stamp.sequences_of(first)
        rows[:, 1] = received_ns
        ours = stamp.valid(first, second) & (stamp.tags_of(first) == self._tag)
        data = rows[ours].tobytes()
        self._waiting += [data[at : at + _ATOMIC_BYTES] for at in range(0, len(data), _ATOMIC_BYTES)]
        self.push()

    def push(self) -> None:
        """Hand on what found the pipe full."""
        with suppress(BlockingIOError):
            while self._waiting:
                os.write(self._pipe, self._waiting[0])
                self._waiting.popleft()

    def close(self) -> None:
        self.push()
        os.close(self._pipe)


class ReplyReader:
    """For a producer."""

    def __init__(self, spec: ChildSpec, clock: Clock) -> None:
        assert spec.replies_through is not None
        self._pipe = _open(spec.replies_through)
        self._clock = clock

    def wait(self, timeout_s: float) -> bool:
        """Whether there is a reply, as soon as there is."""
        return self._clock.readable(self._pipe, timeout_s)

    def take(self) -> tuple[Ints, Ints]:
        """Sequences, and times of arrival on CLOCK_MONOTONIC, of what is there."""
        try:
            data = os.read(self._pipe, _READ_BYTES)
        except BlockingIOError:
            data = b""
        rows = np.frombuffer(data, "<i8").reshape(-1, _ROW_BYTES // 8)
        return rows[:, 0], rows[:, 1]

    def close(self) -> None:
        os.close(self._pipe)


def _open(path: str) -> int:
    """For both directions: so neither side waits for the other, and a side that is gone breaks nothing."""
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)
