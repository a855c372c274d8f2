"""The sent side of the ledger: which messages the broker confirmed or refused, and how long the answer took."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import Confirms, Fate

from .histogram import Histogram
from .pages import Pages
from .schedule import Schedule
from .spec import ChildSpec

__all__ = ["Answers"]


class Answers:
    """One producer's. A driver numbers messages from 0 for each connection; `numbering` maps that to sequences."""

    def __init__(self, spec: ChildSpec) -> None:
        self._window_ns = spec.window_ns
        self._confirming = spec.confirming
        self.latency = Histogram()
        self.confirmed = self.refused = self.twice = self.outstanding = 0
        self.confirmed_by_time = self.confirmed_in_window = self.refused_in_window = 0
        self.window = [0, 0]  # first and end sequence whose intended time is in the measured window
        self._shift = 0
        ring = 1 << int(np.ceil(np.log2(max(spec.in_flight * 2, 16))))
        self._due = np.zeros(ring, np.int64)  # intended times of what is outstanding, by sequence
        self._mask = ring - 1
        self._pages: dict[Fate, Pages] = {}
        if spec.confirming:
            for fate in Fate:
                self._pages[fate] = Pages(Path(spec.ledger) / f"{spec.name}.{fate.name.lower()}.bits")

    def numbering(self, *, at_sequence: int, at_ordinal: int) -> None:
        """The next message handed over has this sequence, and this number on the connection."""
        self._shift = at_sequence - at_ordinal

    def sent(self, first: int, due: NDArray[np.int64]) -> None:
        start, end = self._window_ns
        inside = int(np.count_nonzero((due >= start) & (due < end)))
        if inside:
            if self.window[1] == 0:
                self.window = [first + int(np.argmax(due >= start))] * 2
            self.window[1] += inside
        if self._confirming:
            self._due[np.arange(first, first + len(due)) & self._mask] = due
            self.outstanding += len(due)

    def take(self, confirms: Confirms, now_ns: int) -> int:
        """Record the broker's answers; returns how many messages they were for (canaries not counted)."""
        if not self._confirming:
            return 0
        lengths = confirms.last - confirms.first + 1
        if len(confirms) == 1:
            sequences = np.arange(confirms.first[0], confirms.last[0] + 1) + self._shift
            fates = np.full(len(sequences), confirms.fate[0])
        else:
            starts = np.repeat(confirms.first - (np.cumsum(lengths) - lengths), lengths)
            sequences = np.arange(int(lengths.sum())) + starts + self._shift
            fates = np.repeat(confirms.fate, lengths)
        if sequences.size and int(sequences.min()) < 0:
            real = sequences >= 0
            sequences, fates = sequences[real], fates[real]
        total = 0
        for fate in Fate:
            chosen = sequences if (fates == fate.value).all() else sequences[fates == fate.value]
            total += self._record(fate, chosen, now_ns)
        return total

    def _record(self, fate: Fate, sequences: NDArray[np.int64], now_ns: int) -> int:
        new = self._pages[fate].mark(sequences)
        if new is not None:
            self.twice += int(np.count_nonzero(~new))
            sequences = sequences[new]
        count = len(sequences)
        if not count:
            return 0
        due = self._due[sequences & self._mask]
        start, end = self._window_ns
        inside = due[(due >= start) & (due < end)]
        self.outstanding -= count
        if fate is Fate.CONFIRMED:
            self.confirmed += count
            self.confirmed_in_window += len(inside)
            self.confirmed_by_time += count if start <= now_ns < end else 0
            self.latency.record(now_ns - inside)
        else:
            self.refused += count
            self.refused_in_window += len(inside)
        return count

    def forget(self, schedule: Schedule, now_ns: int) -> None:
        """The connection is gone: what it still owed stays unanswered, and its slots are free."""
        schedule.freed(self.outstanding, now_ns)
        self.outstanding = 0

    def close(self) -> None:
        for pages in self._pages.values():
            pages.close()

    def files(self) -> dict[str, str]:
        return {fate.name.lower(): str(pages.path) for fate, pages in self._pages.items()}
