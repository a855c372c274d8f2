"""The fate of every message, joined from the sent side's and the received side's bitmaps.

The two sides were recorded in different processes; here they meet, page by page, so memory stays bounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .pages import PAGE, read_page

__all__ = ["KEPT_IDS", "GroupFates", "SentSide", "reckon"]

KEPT_IDS = 100
_KEPT = ("lost", "outstanding", "recovered", "refused_delivered", "duplicates")
_ANSWERS = ("confirmed", "refused", "unknown")


@dataclass(frozen=True)
class SentSide:
    """What one producer recorded. Without `confirmed` and `refused` files, handing over is the promise point."""

    index: int
    sent: int
    window: tuple[int, int]  # first and end sequence in the measured window
    files: Mapping[str, str]


@dataclass
class GroupFates:
    """Deliveries to one group against what it was owed."""

    expected: int = 0
    unique: int = 0
    lost: int = 0
    outstanding: int = 0
    recovered: int = 0
    refused_delivered: int = 0
    phantom: int = 0  # a sequence that was never sent: our own accounts would be wrong
    lost_in_window: int = 0
    fates: dict[str, dict[str, int]] = field(default_factory=dict)  # what the sender was told -> delivered, absent
    ids: dict[str, list[list[int]]] = field(default_factory=lambda: {fate: [] for fate in _KEPT})

    @property
    def settled(self) -> bool:
        """Nothing is owed any more and no fate is open."""
        return not (self.lost or self.outstanding or self.phantom)


def reckon(senders: Sequence[SentSide], groups: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, GroupFates]:
    """For each group the fates of all messages; `groups` has one {producer: bitmap file} for each consumer."""
    return {name: _reckon_group(senders, consumers) for name, consumers in groups.items()}


def _reckon_group(senders: Sequence[SentSide], consumers: Sequence[Mapping[str, str]]) -> GroupFates:
    fates = GroupFates()
    for sender in senders:
        files = [Path(c[str(sender.index)]) for c in consumers if str(sender.index) in c]
        reach = max([sender.sent, *(path.stat().st_size * 8 for path in files)])
        for number in range(-(-reach // PAGE)):
            _reckon_page(fates, sender, files, number)
    return fates


def _reckon_page(fates: GroupFates, sender: SentSide, files: Sequence[Path], number: int) -> None:
    base = number * PAGE
    sent = np.zeros(PAGE, np.bool_)
    sent[: max(0, min(PAGE, sender.sent - base))] = True
    times = np.zeros(PAGE, np.uint8)
    for path in files:
        times += read_page(path, number)
    got = times > 0
    if sender.files:
        promised = read_page(Path(sender.files["confirmed"]), number)
        refused = read_page(Path(sender.files["refused"]), number) & ~promised
    else:
        promised, refused = sent, np.zeros(PAGE, np.bool_)
    unknown = sent & ~promised & ~refused
    lost = promised & ~got
    start, end = (np.clip(np.array(sender.window) - base, 0, PAGE)).tolist()
    fates.expected += _count(promised)
    fates.unique += _count(got & sent)
    fates.phantom += _count((got | promised) & ~sent)
    fates.refused_delivered += _count(refused & got)
    fates.lost += _count(lost)
    fates.lost_in_window += _count(lost[start:end])
    fates.outstanding += _count(unknown & ~got)
    fates.recovered += _count(unknown & got)
    told = (promised, refused, unknown) if sender.files else (promised,)
    for answer, which in zip(_ANSWERS if sender.files else ("handed-over",), told, strict=True):
        cell = fates.fates.setdefault(answer, {"delivered": 0, "absent": 0})
        cell["delivered"] += _count(which & got & sent)
        cell["absent"] += _count(which & ~got)
    kept_ones = (lost, unknown & ~got, unknown & got, refused & got, times > 1)
    for fate, which in zip(_KEPT, kept_ones, strict=True):
        kept = fates.ids[fate]
        if len(kept) < KEPT_IDS and which.any():
            kept += [[sender.index, base + int(s)] for s in np.flatnonzero(which)[: KEPT_IDS - len(kept)]]


def _count(which: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(which))
