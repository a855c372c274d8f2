"""Requests of one producer that wait for their replies, where the load goes on only when they come."""

import numpy as np
from numpy.typing import NDArray

from .histogram import Histogram
from .spec import ChildSpec

__all__ = ["Awaited"]

_ROWS = 1 << 16
_NOBODY = -1

Ints = NDArray[np.int64]


class Awaited:
    """Times are ns since t0. Only the first reply to a request counts; what is given up is not waited for any more."""

    def __init__(self, spec: ChildSpec) -> None:
        self._window_ns = spec.window_ns
        self._patience_ns = round(spec.drain_s * 1e9)
        ring = 1 << int(np.ceil(np.log2(2 * spec.in_flight + _ROWS)))
        self._mask = ring - 1
        self._whose = np.full(ring, _NOBODY, np.int64)  # the sequence that waits here
        self._due = np.zeros(ring, np.int64)
        self._handed = np.zeros(ring, np.int64)
        self._area_ns = 0  # requests under way, summed over the window's nanoseconds
        self.open = self.replied = self.in_window = self.given_up = 0
        self.service = Histogram()  # handed over -> reply received

    def sent(self, first: int, due: Ints, now_ns: int) -> Ints:
        """Requests from sequence `first` on were handed over. Returns those whose places they take: given up."""
        sequences = np.arange(first, first + len(due))
        places = sequences & self._mask
        before = self._whose[places]
        left = self._leave(before[before != _NOBODY], now_ns)
        self._whose[places] = sequences
        self._due[places] = due
        self._handed[places] = now_ns
        self.open += len(due)
        return left

    def take(self, sequences: Ints, received_ns: Ints) -> tuple[Ints, Ints]:
        """Replies came. Returns those that were waited for."""
        sequences, at = np.unique(sequences, return_index=True)
        received_ns = received_ns[at]
        places = sequences & self._mask
        waited = self._whose[places] == sequences
        sequences, received_ns, places = sequences[waited], received_ns[waited], places[waited]
        self._close(places, received_ns)
        due, handed = self._due[places], self._handed[places]
        start, end = self._window_ns
        inside = (due >= start) & (due < end)
        self.replied += len(sequences)
        self.in_window += int(np.count_nonzero(inside))
        self.service.record((received_ns - handed)[inside])
        return sequences, received_ns

    def give_up(self, sequences: Ints, now_ns: int) -> Ints:
        """No reply will come to these. Returns those that were waited for."""
        return self._leave(sequences[self._whose[sequences & self._mask] == sequences], now_ns)

    def overdue(self, now_ns: int) -> Ints:
        """Requests that have waited as long as the scenario waits for a missing message (`drain`): given up."""
        places = np.flatnonzero((self._whose != _NOBODY) & (self._handed < now_ns - self._patience_ns))
        return self._leave(self._whose[places], now_ns)

    def forget(self, now_ns: int) -> Ints:
        """The connection is gone, or the trial over: all are given up."""
        return self._leave(self._whose[self._whose != _NOBODY], now_ns)

    def in_flight_mean(self) -> float | None:
        """Requests without a reply, averaged over the measured window's time; None where it has no length."""
        start, end = self._window_ns
        still = self._handed[self._whose != _NOBODY]
        area_ns = self._area_ns + int((end - still.clip(start, end)).sum())
        return round(area_ns / (end - start), 3) if end > start else None

    def _leave(self, sequences: Ints, now_ns: int) -> Ints:
        self.given_up += len(sequences)
        self._close(sequences & self._mask, np.full(len(sequences), now_ns))
        return sequences

    def _close(self, places: Ints, ended_ns: Ints) -> None:
        start, end = self._window_ns
        self._area_ns += int((ended_ns.clip(start, end) - self._handed[places].clip(start, end)).sum())
        self._whose[places] = _NOBODY
        self.open -= len(places)
