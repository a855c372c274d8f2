"""A closed load: users who think, ask, wait for the answer, and think again.

A request is intended when its user has thought enough. Who waits for an answer is late for nothing, so a slow broker
slows the load down: that is what closed means.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.model import Think

from .draws import drawn_ns
from .spec import ChildSpec

__all__ = ["Users"]

_S = 1_000_000_000
_LANE_BITS = 17  # of a key: the moment, then the lane
_LANE = (1 << _LANE_BITS) - 1
_CHUNK = 4096
_BATCH = 64


class Users:
    """Of one producer: every n-th of all, by its index. Implements Schedule. A lane is one user's number here.

    Each user's first request comes at a random moment after the user did, and all together stand evenly over the mean
    think time: a herd at the start would stay one. Times are ns since t0.
    """

    known = False
    owes = True
    batch_cap = _BATCH

    def __init__(self, spec: ChildSpec) -> None:
        closed: Mapping[str, Any] = spec.closed or {}
        think = Think.from_base(closed["think"])
        self._thinking = _Thinking(think, (spec.seed, spec.index))
        first = _first_requests(closed["users"], closed["ramp_s"], think.mean_s, spec.seed)[
            spec.index :: spec.producers
        ]
        self._heap = [at << _LANE_BITS | lane for lane, at in enumerate(first.tolist())]
        heapq.heapify(self._heap)
        self._window_ns = spec.window_ns
        self.thought_ns = self.thoughts = 0  # of the requests intended in the window
        # What these requests have from beyond the window's ends, less what the window has of others: of thoughts, of
        # waiting for answers, and of answers.
        self.thought_ends_ns = self.waited_ends_ns = self.answered_ends = 0
        mean_ns = round(think.mean_s * _S)
        for at in first.tolist():
            self._thinks(at - mean_ns, at)  # began before the user came, and so before the window
        self._ready: deque[int] = deque()  # have thought, and are not taken yet
        self._waiting: dict[int, int] = {}  # sequence -> intended time and lane, as in the heap
        self._taken = 0
        self._now = 0

    def due(self, now_ns: int) -> int:
        self._now = now_ns
        heap, ready = self._heap, self._ready
        while heap and heap[0] >> _LANE_BITS <= now_ns:
            ready.append(heapq.heappop(heap))
        return self._taken + len(ready)

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        return np.array([key >> _LANE_BITS for key in islice(self._ready, count)], np.int64)

    def lanes(self, count: int) -> Sequence[int]:
        """Of the next `count` messages."""
        return [key & _LANE for key in islice(self._ready, count)]

    def next_ns(self, sequence: int) -> int:
        if self._ready:
            return self._ready[0] >> _LANE_BITS
        return self._heap[0] >> _LANE_BITS if self._heap else self._now + _S

    def taken(self, count: int) -> None:
        for sequence in range(self._taken, self._taken + count):
            self._waiting[sequence] = self._ready.popleft()
        self._taken += count

    def freed(self, count: int, now_ns: int) -> None:
        """It is `answered` that says whose requests these were."""

    def answered(self, first: NDArray[np.int64], last: NDArray[np.int64], now_ns: int) -> None:
        """To sequences first .. last of each row: their users think from now on, once however often they are told."""
        for begin, end in zip(first.tolist(), last.tolist(), strict=True):
            for sequence in range(begin, end + 1):
                key = self._waiting.pop(sequence, None)
                if key is not None:
                    self._think(key, now_ns)

    def replied(self, sequences: NDArray[np.int64], received_ns: NDArray[np.int64]) -> None:
        """Their users think from the moment at which each reply came."""
        for sequence, received in zip(sequences.tolist(), received_ns.tolist(), strict=True):
            key = self._waiting.pop(sequence, None)
            if key is not None:
                self._think(key, received)

    def given_up(self, now_ns: int) -> None:
        """The connection is lost: nobody waits for an answer any more."""
        for key in self._waiting.values():
            self._think(key, now_ns)
        self._waiting.clear()

    def _think(self, key: int, now_ns: int) -> None:
        """Who waited since the moment in `key` thinks from now on."""
        asked, lane = key >> _LANE_BITS, key & _LANE
        due = now_ns + self._thinking.next_ns()
        start, end = self._window_ns
        if asked < start:
            self.waited_ends_ns -= max(0, min(now_ns, end) - start)
            self.answered_ends -= start <= now_ns < end
        elif asked < end:
            self.waited_ends_ns += max(0, now_ns - end)
            self.answered_ends += now_ns >= end
        self._thinks(now_ns, due)
        heapq.heappush(self._heap, due << _LANE_BITS | lane)

    def _thinks(self, from_ns: int, due_ns: int) -> None:
        start, end = self._window_ns
        if start <= due_ns < end:
            self.thought_ns += due_ns - from_ns
            self.thoughts += 1
            self.thought_ends_ns += max(0, start - from_ns)
        elif due_ns >= end:
            self.thought_ends_ns -= max(0, end - max(from_ns, start))


class _Thinking:
    """Think times, drawn in chunks."""

    def __init__(self, think: Think, seed: tuple[int, int]) -> None:
        self._think = think
        self._chance = np.random.default_rng(seed)
        self._drawn: list[int] = []

    def next_ns(self) -> int:
        if not self._drawn:
            self._drawn = drawn_ns(self._think, self._chance, _CHUNK).tolist()
        return self._drawn.pop()


def _first_requests(users: int, ramp_s: float, mean_s: float, seed: int) -> NDArray[np.int64]:
    """Of all users, by their number: the first moment after they came that has the phase drawn for them."""
    chance = np.random.default_rng(seed)
    come_s = np.arange(users) * ramp_s / users
    phase_s = (chance.permutation(users) + chance.random(users)) / users * mean_s
    wait_s = np.mod(phase_s - come_s, mean_s) if mean_s else phase_s
    return ((come_s + wait_s) * _S).astype(np.int64)
