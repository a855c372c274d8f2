"""A consumer that works: each message takes its time, one after the other, and only then it is settled.

When each message begins and ends follows from what was drawn and from the stalls asked for, so it is reckoned for a
whole delivery at once; a machine that wakes late settles late, and works no slower. docs/decisions/0029 says why a
message counts as received when its work begins.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import Deliveries, Settle
from brokerbench.model import Stall, Work

from .draws import drawn_ns
from .spec import ChildSpec

__all__ = ["Begun", "Calendar", "Worker"]

Ints = NDArray[np.int64]

_HOWS = (Settle.ACCEPT, Settle.REQUEUE, Settle.REJECT)
_ACCEPT, _REQUEUE, _REJECT = range(3)
_REST_NS = 1_000_000_000  # what is fewer than `ack_every` is settled once nothing has ended for so long


@dataclass(frozen=True)
class Begun:
    """Messages whose work has begun: `kept` are received then; those of `returned` are given back when it ends."""

    kept: Deliveries
    returned: Deliveries
    rejected: int  # of those kept


class Calendar:
    """Time since t0, ns, against the part of it in which a consumer does not stand still."""

    def __init__(self, stall: Stall | None) -> None:
        self._every, self._for = (round(stall.every_s * 1e9), round(stall.for_s * 1e9)) if stall else (0, 0)

    def awake(self, at: Ints) -> Ints:
        """How long it has been awake until then."""
        if not self._every:
            return at
        rounds, rest = np.divmod(at - self._every, self._every)
        after = self._every + rounds * (self._every - self._for) + np.maximum(rest - self._for, 0)
        return np.where(at < self._every, at, after)

    def at(self, awake: Ints) -> Ints:
        """When it has been awake for so long; what falls on a stall's beginning comes after it."""
        if not self._every:
            return awake
        rounds, rest = np.divmod(awake - self._every, self._every - self._for)
        return np.where(awake < self._every, awake, self._every * (1 + rounds) + self._for + rest)


@dataclass(slots=True)
class _Block:
    """What one `receive` brought. Times are ns since t0; `begun` and `ended` count."""

    deliveries: Deliveries
    single: bool  # whether each message can be settled by itself
    begin: Ints
    end: Ints
    hows: NDArray[np.uint8]
    begun: int = 0
    ended: int = 0


class Worker:
    """One consumer's. `hand`: messages that it has and is not done with."""

    def __init__(self, spec: ChildSpec) -> None:
        self._work = Work.from_base(spec.work or {})
        self._calendar = Calendar(self._work.stall)
        self._chance = np.random.default_rng([spec.seed, spec.index, *(spec.group or "").encode()])
        self._blocks: deque[_Block] = deque()
        self._free = 0  # awake time at which the last message is done
        self._window_ns = spec.window_ns
        self._unsettled: list[Any] = []  # accepted, but fewer than `ack_every`
        self._unsettled_since = 0
        self.hand = 0
        self.busy_ns = 0  # of the window, for messages that were begun

    def take(self, deliveries: Deliveries, since_ns: int, t0_ns: int) -> None:
        """What came, at `since_ns` since t0 or as its own `received_ns` says."""
        count, work = deliveries.count, self._work
        came = np.full(count, since_ns) if deliveries.received_ns is None else deliveries.received_ns - t0_ns
        takes = drawn_ns(work.processing, self._chance, count) if work.processing else np.zeros(count, np.int64)
        # Each begins when it has come and the one before is done (D. Lindley, 1952), unrolled to a running maximum.
        before = np.cumsum(takes) - takes
        ready = np.maximum.accumulate(np.maximum(self._calendar.awake(came), self._free) - before)
        begin = ready + before
        self._free = int(begin[-1] + takes[-1])
        tokens = deliveries.tokens
        single = tokens is not None and not isinstance(tokens, Mapping) and len(tokens) == count
        at, until = self._calendar.at(begin), self._calendar.at(begin + takes)
        self._blocks.append(_Block(_owned(deliveries), single, at, until, self._fates(count)))
        self.hand += count

    def begun(self, since_ns: int, t0_ns: int) -> Iterator[Begun]:
        for block in self._blocks:
            first = block.begun
            if first == block.deliveries.count:
                continue
            end = int(np.searchsorted(block.begin, since_ns, "right"))
            if end == first:
                return
            block.begun = end
            self._was_busy(block.begin[first:end], block.end[first:end])
            rows = np.arange(first, end)
            hows = block.hows[first:end]
            kept, returned = (
                _picked(block.deliveries, rows[which], block.begin[rows[which]] + t0_ns)
                for which in (hows != _REQUEUE, hows == _REQUEUE)
            )
            yield Begun(kept, returned, int(np.count_nonzero(hows == _REJECT)))

    def settled(self, since_ns: int) -> Iterator[tuple[Any, Settle]]:
        """What is to be settled now, and how."""
        for block, first, end in self._ended(since_ns):
            yield from self._of(block, first, end, since_ns)
        if self._unsettled and since_ns - self._unsettled_since >= _REST_NS:
            yield from self._rest()

    def done(self, since_ns: int, t0_ns: int) -> Iterator[Deliveries]:
        """Instead of `settled`, for who answers: the messages that are done, with what settles them once they are
        answered."""
        for block, first, end in self._ended(since_ns):
            rows = np.arange(first, end)
            done = _picked(block.deliveries, rows, block.end[rows] + t0_ns)
            tokens = block.deliveries.tokens
            if block.single:
                done.tokens = [tokens[at] for at in rows.tolist()]
            elif end == block.deliveries.count:  # a log's position: it covers all before, too
                done.tokens = tokens
            yield done

    def _ended(self, since_ns: int) -> Iterator[tuple[_Block, int, int]]:
        """First and end of what has newly ended of each block."""
        while self._blocks:
            block = self._blocks[0]
            first, end = block.ended, int(np.searchsorted(block.end, since_ns, "right"))
            if end > first:
                block.ended = end
                self.hand -= end - first
                yield block, first, end
            if end < block.deliveries.count:
                break
            self._blocks.popleft()

    def leave(self) -> Iterator[tuple[Any, Settle]]:
        """It goes: what has begun is settled as if it were done, what has not is not."""
        for block in self._blocks:
            if block.single:
                yield from self._of(block, block.ended, block.begun, 0)
        self.forget(keep=True)
        yield from self._rest()

    def forget(self, *, keep: bool = False) -> None:
        """All that is in its hands goes back; with the connection lost, what waits to be settled can be no more."""
        self._blocks.clear()
        self.hand = self._free = 0
        if not keep:
            self._unsettled = []

    def next_ns(self) -> int | None:
        """When the next message begins or ends, since t0."""
        times = [int(block.end[block.ended]) for block in self._blocks if block.ended < block.deliveries.count][:1]
        times += [int(block.begin[block.begun]) for block in self._blocks if block.begun < block.deliveries.count][:1]
        return min(times, default=None)

    def busy_share(self) -> float:
        """How long it worked on messages, of the part of the measured window in which it did not stand still."""
        start, end = self._calendar.awake(np.array(self._window_ns)).tolist()
        return round(self.busy_ns / (end - start), 6) if end > start else 0.0

    def _fates(self, count: int) -> NDArray[np.uint8]:
        work = self._work
        if not (work.requeue or work.reject):
            return np.zeros(count, np.uint8)
        drawn, requeue = self._chance.random(count), work.requeue or 0.0
        return np.where(drawn < requeue, _REQUEUE, np.where(drawn < requeue + (work.reject or 0.0), _REJECT, _ACCEPT))

    def _was_busy(self, begin: Ints, end: Ints) -> None:
        """A stall in between is no work."""
        window = np.array(self._window_ns)
        low, high = self._calendar.awake(window)
        begin, end = self._calendar.awake(begin), self._calendar.awake(end)
        self.busy_ns += int((np.clip(end, low, high) - np.clip(begin, low, high)).sum())

    def _of(self, block: _Block, first: int, end: int, since_ns: int) -> Iterator[tuple[Any, Settle]]:
        tokens = block.deliveries.tokens
        if tokens is None:
            return
        if not block.single:  # a log's position: it covers all, so it waits for the last
            if end == block.deliveries.count:
                yield from self._accepted([tokens], end, since_ns)
            return
        hows = block.hows[first:end]
        for number, how in enumerate(_HOWS):
            found = [tokens[at] for at in (first + np.flatnonzero(hows == number)).tolist()]
            if found and how is Settle.ACCEPT:
                yield from self._accepted(found, 1, since_ns)
            elif found:
                yield found, how

    def _accepted(self, tokens: list[Any], each: int, since_ns: int) -> Iterator[tuple[Any, Settle]]:
        """`each`: the messages that a token stands for."""
        self._unsettled += tokens
        self._unsettled_since = since_ns
        every = -(-self._work.ack_every // each)
        whole = len(self._unsettled) // every * every
        if whole:
            ready, self._unsettled = self._unsettled[:whole], self._unsettled[whole:]
            yield from _accepts(ready)

    def _rest(self) -> Iterator[tuple[Any, Settle]]:
        rest, self._unsettled = self._unsettled, []
        yield from _accepts(rest)


def _accepts(tokens: list[Any]) -> Iterator[tuple[Any, Settle]]:
    if tokens and isinstance(tokens[0], Mapping):
        yield from ((one, Settle.ACCEPT) for one in tokens)
    elif tokens:
        yield tokens, Settle.ACCEPT


def _owned(deliveries: Deliveries) -> Deliveries:
    """A driver may fill its buffer again."""
    return deliveries if deliveries.buffer is None else replace(deliveries, buffer=memoryview(bytes(deliveries.buffer)))


def _picked(deliveries: Deliveries, rows: Ints, received_ns: Ints) -> Deliveries:
    """Some of the messages, each received at its own time."""
    found = Deliveries(len(rows), size_bytes=deliveries.size_bytes, received_ns=received_ns)
    if deliveries.payloads is not None:
        found.payloads = [deliveries.payloads[row] for row in rows.tolist()]
    else:
        blob: Any = deliveries.buffer
        table = np.frombuffer(blob, np.uint8).reshape(deliveries.count, -1)
        found.buffer = table[rows].reshape(-1)
    if deliveries.redelivered is not None:
        found.redelivered = deliveries.redelivered[rows]
    if deliveries.partitions is not None:
        found.partitions = deliveries.partitions[rows]
    return found
