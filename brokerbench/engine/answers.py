"""The sent side of the ledger: when each message was handed over, whether the broker confirmed or refused it, and how
long the answer took.

At low rates a batch is one message. So, as on the received side, small batches are only gathered in the loop (a few
slice assignments) and worked through every few thousand messages or at the child's tick.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import Confirms, Fate

from .histogram import Histogram
from .pages import Pages
from .spec import ChildSpec

__all__ = ["Answers", "HandOvers"]

_ROWS = 8192
_BEFORE = 1 << 40
_CONFIRMED = Fate.CONFIRMED.value

Ints = NDArray[np.int64]


class HandOvers:
    """Send delay and counts of one producer. `flush` must be called before they are read."""

    def __init__(self, spec: ChildSpec) -> None:
        self._window_ns = spec.window_ns
        self._due = np.empty(_ROWS, np.int64)
        self._since = np.empty(_ROWS, np.int64)
        self._fill = 0
        self._worked = 0
        self.delay = Histogram()
        self.by_time = self.in_window = self.due_sum_ns = 0
        self.first_in_window: int | None = None

    def add(self, due: Ints, since_ns: int) -> None:
        """Messages intended at `due` were handed over at `since_ns` (both ns since t0)."""
        count = len(due)
        if self._fill + count > _ROWS:
            self.flush()
        rows = slice(self._fill, self._fill + count)
        self._due[rows] = due
        self._since[rows] = since_ns
        self._fill += count

    def flush(self) -> None:
        count, self._fill = self._fill, 0
        if not count:
            return
        due, since = self._due[:count], self._since[:count]
        start, end = self._window_ns
        self.by_time += int(np.count_nonzero((since >= start) & (since < end)))
        inside = (due >= start) & (due < end)
        taken = int(np.count_nonzero(inside))
        if taken and self.first_in_window is None:
            self.first_in_window = self._worked + int(np.argmax(inside))
        if taken < count:
            due, since = due[inside], since[inside]
        self.in_window += taken
        self.due_sum_ns += int(due.sum())
        self._worked += count
        self.delay.record(since - due)


class Answers:
    """One producer's. A driver numbers messages from 0 for each connection; `numbering` maps that to sequences.

    `outstanding` is right at once; everything else after `flush`.
    """

    def __init__(self, spec: ChildSpec) -> None:
        self._window_ns = spec.window_ns
        self.latency = Histogram()
        self.service = Histogram()  # of a closed load: from the hand-over on
        self.confirmed = self.refused = self.twice = self.outstanding = 0
        self.confirmed_by_time = self.confirmed_in_window = self.refused_in_window = 0
        self.carried_in_ns: int | None = None  # the longest latency that reached into the window from before it
        self._changed_ns = 0
        self._area_ns = 0  # outstanding messages, summed over the window's nanoseconds
        self._shift = -_BEFORE  # until `numbering`, answers are to canaries
        # Intended times by sequence: of what is outstanding, and of what is answered but not worked through.
        ring = 1 << int(np.ceil(np.log2(2 * spec.in_flight + 4 * _ROWS)))
        self._due = np.zeros(ring, np.int64)
        # When each was handed over, where it is the confirm that a user waits for.
        waited = spec.closed is not None and spec.replies_through is None
        self._handed = np.zeros(ring, np.int64) if waited else None
        self._mask = ring - 1
        self._gathered: list[tuple[Confirms, int, int]] = []  # answers, shift, time
        self._waiting = 0
        self._pages: dict[Fate, Pages] = {}
        if spec.confirming:
            for fate in Fate:
                self._pages[fate] = Pages(Path(spec.ledger) / f"{spec.name}.{fate.name.lower()}.bits")

    def numbering(self, *, at_sequence: int, at_ordinal: int) -> None:
        """The next message handed over has this sequence, and this number on the connection."""
        self._shift = at_sequence - at_ordinal

    def sent(self, first: int, due: Ints, now_ns: int) -> None:
        """Messages from sequence `first` on are outstanding now."""
        count = len(due)
        self._until(now_ns)
        at = first & self._mask
        places = slice(at, at + count) if at + count <= len(self._due) else np.arange(at, at + count) & self._mask
        self._due[places] = due
        if self._handed is not None:
            self._handed[places] = now_ns
        self.outstanding += count

    def take(self, confirms: Confirms, now_ns: int) -> int:
        """Keep the broker's answers; returns how many slots they free (canaries hold none)."""
        first, last = confirms.first, confirms.last
        if len(first) == 1:
            count = int(last[0]) - max(int(first[0]), -self._shift) + 1
        else:
            count = int((last - np.maximum(first, -self._shift) + 1).clip(0).sum())
        self._gathered.append((confirms, self._shift, now_ns))
        self._until(now_ns)
        freed = min(max(count, 0), self.outstanding)
        self.outstanding -= freed
        self._waiting += freed
        if self._waiting >= _ROWS:
            self.flush()
        return freed

    def sequences(self, confirms: Confirms) -> tuple[Ints, Ints]:
        """First and last of each range; those below 0 are canaries."""
        return confirms.first + self._shift, confirms.last + self._shift

    def forget(self, now_ns: int) -> int:
        """The connection is gone: what it still owed stays unanswered. Returns the slots that this frees."""
        self._until(now_ns)
        freed, self.outstanding = self.outstanding, 0
        return freed

    def _until(self, now_ns: int) -> None:
        """So many were outstanding since the last change."""
        start, end = self._window_ns
        within = min(now_ns, end) - max(self._changed_ns, start)
        if within > 0:
            self._area_ns += within * self.outstanding
        self._changed_ns = now_ns

    def in_flight_mean(self) -> float | None:
        """Unconfirmed messages, averaged over the measured window's time; None where it was not passed through."""
        start, end = self._window_ns
        if self._changed_ns < end:
            self._until(end)  # nothing changed any more
        return round(self._area_ns / (end - start), 3) if end > start else None

    def flush(self) -> None:
        """Work through the gathered answers."""
        gathered, self._gathered, self._waiting = self._gathered, [], 0
        if not gathered:
            return
        first = np.concatenate([confirms.first + shift for confirms, shift, _ in gathered])
        last = np.concatenate([confirms.last + shift for confirms, shift, _ in gathered])
        ranges = np.array([len(confirms) for confirms, _, _ in gathered])
        lengths = last - first + 1
        sequences = np.arange(int(lengths.sum())) + np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
        fates = np.repeat(np.concatenate([confirms.fate for confirms, _, _ in gathered]), lengths)
        times = np.repeat(np.repeat(np.array([now for _, _, now in gathered]), ranges), lengths)
        if sequences.size and int(sequences.min()) < 0:  # answers to canaries
            real = sequences >= 0
            sequences, fates, times = sequences[real], fates[real], times[real]
        confirmed = fates == _CONFIRMED
        if confirmed.all():
            self._record(Fate.CONFIRMED, sequences, times)
        else:
            self._record(Fate.CONFIRMED, sequences[confirmed], times[confirmed])
            self._record(Fate.REFUSED, sequences[~confirmed], times[~confirmed])

    def _record(self, fate: Fate, sequences: Ints, times: Ints) -> None:
        new = self._pages[fate].mark(sequences)
        if new is not None:
            self.twice += int(np.count_nonzero(~new))
            sequences, times = sequences[new], times[new]
        places = sequences & self._mask
        due = self._due[places]
        start, end = self._window_ns
        inside = (due >= start) & (due < end)
        count, in_window = len(sequences), int(np.count_nonzero(inside))
        if fate is Fate.REFUSED:
            self.refused += count
            self.refused_in_window += in_window
            return
        self.confirmed += count
        self.confirmed_in_window += in_window
        by_time = (times >= start) & (times < end)
        self.confirmed_by_time += int(np.count_nonzero(by_time))
        if in_window < count and (carried := by_time & (due < start)).any():
            self.carried_in_ns = max(self.carried_in_ns or 0, int((times - due)[carried].max()))
        self.latency.record((times - due)[inside])
        if self._handed is not None:
            self.service.record((times - self._handed[places])[inside])

    def close(self) -> None:
        self.flush()
        for pages in self._pages.values():
            pages.close()

    def files(self) -> dict[str, str]:
        return {fate.name.lower(): str(pages.path) for fate, pages in self._pages.items()}
