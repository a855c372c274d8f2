"""When each message is intended. Intended times are where latency starts, so a late generator cannot hide.

Times are nanoseconds since t0. `Constant`, `Poisson` and `Varying` are known before the run. `Saturate` intends a
message at the moment its slot in the in-flight window became free.
"""

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .profile import Profile

__all__ = ["Constant", "Limited", "Poisson", "Saturate", "Schedule", "Varying"]

_S = 1_000_000_000


class Schedule(Protocol):
    """`known`: before the run, so that a new one tells the same again. `owes`: what is due and not sent is a debt."""

    batch_cap: int
    known: bool
    owes: bool

    def due(self, now_ns: int) -> int:
        """How many messages of this producer are intended by now, counted from t0."""

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        """Intended times of messages first .. first + count - 1."""

    def next_ns(self, sequence: int) -> int:
        """When message `sequence` is intended; now or earlier means at once."""

    def taken(self, count: int) -> None:
        """The next `count` messages were handed over."""

    def freed(self, count: int, now_ns: int) -> None:
        """`count` answers came at `now_ns`."""


class Constant:
    """`rate_msgs_s` in total over `producers`, evenly: message k of producer p is due at (k * producers + p) / rate."""

    known = owes = True

    def __init__(self, rate_msgs_s: float, producers: int, index: int) -> None:
        self._step_ns = producers * _S / rate_msgs_s
        # Half a ns more, so that cutting to whole ns rounds: 1 999 999 999.999999 is meant to be 2 s.
        self._phase_ns = index * _S / rate_msgs_s + 0.5
        # At most 1 ms worth of schedule goes out in one batch, else the batch itself delays its first message.
        self.batch_cap = max(1, int(1e6 / self._step_ns))
        self._iota = np.arange(self.batch_cap, dtype=np.float64)

    def due(self, now_ns: int) -> int:
        # Times are whole ns and this quotient is rounded: the estimate may be one off, which at the window's edge
        # would make a message belong to it by its sequence and not by its time.
        count = max(0, int((now_ns - self._phase_ns) // self._step_ns) + 1)
        if self.next_ns(count) <= now_ns:
            return count + 1
        return count - 1 if count and self.next_ns(count - 1) > now_ns else count

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        # The same operations as in `next_ns`, so that both round alike.
        return ((self._iota[:count] + first) * self._step_ns + self._phase_ns).astype(np.int64)

    def next_ns(self, sequence: int) -> int:
        return int(sequence * self._step_ns + self._phase_ns)

    def taken(self, count: int) -> None:
        pass

    def freed(self, count: int, now_ns: int) -> None:
        pass


class Poisson:
    """Arrivals at random: gaps are exponential, so each moment is as likely as any other, whatever came before.

    Producers have streams of their own; together they are again Poisson, at `rate_msgs_s`.
    """

    known = owes = True

    def __init__(self, rate_msgs_s: float, producers: int, index: int, seed: int) -> None:
        gap_ns = producers * _S / rate_msgs_s
        self.batch_cap = max(1, int(1e6 / gap_ns))
        self._places = _AtRandom(gap_ns, (seed, index))

    def due(self, now_ns: int) -> int:
        return self._places.up_to(now_ns + 0.5)

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        return (self._places.of(first, count) + 0.5).astype(np.int64)

    def next_ns(self, sequence: int) -> int:
        return int(self.times(sequence, 1)[0])

    def taken(self, count: int) -> None:
        pass

    def freed(self, count: int, now_ns: int) -> None:
        pass


class Varying:
    """The messages of a profile, in order or at random: evenly spaced or exponential gaps on the axis of messages, each
    carried over to the moment when so many are intended. `seed` None: in order."""

    known = owes = True

    def __init__(self, profile: Profile, producers: int, index: int, seed: int | None) -> None:
        self._profile = profile
        self.batch_cap = max(1, int(profile.peak_msgs_s / producers / 1000))
        self._places = _InOrder(producers, index) if seed is None else _AtRandom(producers, (seed, index))

    def due(self, now_ns: int) -> int:
        return self._places.up_to(self._profile.count(now_ns)) if now_ns >= 0 else 0

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        return self._profile.times_ns(self._places.of(first, count))

    def next_ns(self, sequence: int) -> int:
        return int(self.times(sequence, 1)[0])

    def taken(self, count: int) -> None:
        pass

    def freed(self, count: int, now_ns: int) -> None:
        pass


class _InOrder:
    """Message k of a producer stands at k * producers + its index."""

    def __init__(self, producers: int, index: int) -> None:
        self._producers, self._index = producers, index

    def up_to(self, place: float) -> int:
        return max(0, int((place - self._index) // self._producers) + 1)

    def of(self, first: int, count: int) -> NDArray[np.float64]:
        return np.arange(first, first + count, dtype=np.float64) * self._producers + self._index


class _AtRandom:
    """A Poisson stream. What is due and what is sent walk it apart, so a debt of any length takes no memory; both only
    go forward."""

    def __init__(self, gap: float, seed: tuple[int, int]) -> None:
        self._due, self._sent = (_Gaps(gap, seed) for _ in range(2))

    def up_to(self, place: float) -> int:
        stream = self._due
        while stream.places[-1] <= place:
            stream.go_on()
        return stream.first + int(np.searchsorted(stream.places, place, side="right"))

    def of(self, first: int, count: int) -> NDArray[np.float64]:
        stream = self._sent
        while stream.first + len(stream.places) < first + count:
            stream.go_on()
        return stream.places[first - stream.first : first - stream.first + count]


class _Gaps:
    """A window of two chunks over the stream: `places[i]` is that of message `first + i`."""

    _CHUNK = 1 << 14

    def __init__(self, gap: float, seed: tuple[int, int]) -> None:
        self._gap = gap
        self._chance = np.random.default_rng(seed)
        self._last = 0.0
        self.first = 0
        self.places = self._draw()

    def go_on(self) -> None:
        keep = self.places[-self._CHUNK :]
        self.first += len(self.places) - len(keep)
        self.places = np.concatenate((keep, self._draw()))

    def _draw(self) -> NDArray[np.float64]:
        places = self._last + np.cumsum(self._chance.exponential(self._gap, self._CHUNK))
        self._last = float(places[-1])
        return places


class Saturate:
    """A window of `in_flight` slots. Where nothing confirms, a slot is free whenever the client takes a message."""

    known = owes = False

    def __init__(self, in_flight: int, confirming: bool) -> None:
        self._confirming = confirming
        self._free: deque[list[int]] = deque([[in_flight, 0]])  # [slots, free since], oldest first
        self._due = in_flight
        self._now = 0
        self.batch_cap = min(in_flight, 4096) if confirming else 4096

    def due(self, now_ns: int) -> int:
        self._now = now_ns
        return self._due if self._confirming else 1 << 62

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        times = np.full(count, self._now, np.int64)
        if self._confirming:
            at = 0
            for slots, since in self._free:
                times[at : at + slots] = since
                at += slots
                if at >= count:
                    break
        return times

    def next_ns(self, sequence: int) -> int:
        return self._now if sequence < self.due(self._now) else self._now + _S

    def taken(self, count: int) -> None:
        while count and self._free:
            used = min(count, self._free[0][0])
            self._free[0][0] -= used
            count -= used
            if not self._free[0][0]:
                self._free.popleft()

    def freed(self, count: int, now_ns: int) -> None:
        self._due += count
        if self._free and self._free[-1][1] == now_ns:
            self._free[-1][0] += count
        else:
            self._free.append([count, now_ns])


class Limited:
    """Another schedule, up to `most` messages."""

    def __init__(self, whole: Schedule, most: int) -> None:
        self._whole, self._most = whole, most
        self.known, self.owes, self.batch_cap = whole.known, whole.owes, whole.batch_cap

    def due(self, now_ns: int) -> int:
        return min(self._most, self._whole.due(now_ns))

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        return self._whole.times(first, count)

    def next_ns(self, sequence: int) -> int:
        return self._whole.next_ns(sequence)

    def taken(self, count: int) -> None:
        self._whole.taken(count)

    def freed(self, count: int, now_ns: int) -> None:
        self._whole.freed(count, now_ns)
