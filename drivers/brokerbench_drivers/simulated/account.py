"""The broker's own ledger: counts, and when each message came and left. Nothing of brokerbench's figures goes in."""

import json
from array import array
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEVER", "Account", "Rows"]

NEVER = -1  # a message that has not left (yet)
_KEPT_IDS = 1000  # of each kind; the arrays have all


class Rows:
    """One producer's messages in the order they came. Times are the clock's, ns; `intended_ns` is since t0.

    `departure_ns`: when the queue's law let it go; `left_ns`: when it was handed to a consumer, or to its socket."""

    def __init__(self, producer: int, groups: tuple[str, ...]) -> None:
        self.producer = producer
        self.sequence, self.intended_ns, self.arrival_ns = array("q"), array("q"), array("q")
        self.departure_ns = {group: array("q") for group in groups}
        self.left_ns = {group: array("q") for group in groups}

    def add(self, sequence: int, intended_ns: int, arrival_ns: int) -> int:
        """Returns its row."""
        self.sequence.append(sequence)
        self.intended_ns.append(intended_ns)
        self.arrival_ns.append(arrival_ns)
        for times in (*self.departure_ns.values(), *self.left_ns.values()):
            times.append(NEVER)
        return len(self.sequence) - 1


class Account:
    """`counts` of the whole destination, `of_group` of each group (names: `as_json`). Canaries are in none but their
    own count; messages without a stamp are in `published` and `delivered`, and have no row."""

    def __init__(self, groups: tuple[str, ...]) -> None:
        self.t0_ns: int | None = None  # arrival of the first stamped message, less its intended time
        self.counts: Counter[str] = Counter()
        self.of_group: dict[str, Counter[str]] = {group: Counter() for group in groups}
        self.ids: dict[str, list[tuple[int, int]]] = {}
        self.rows: dict[int, Rows] = {}
        self._groups = groups

    def arrived(self, producer: int, sequence: int, intended_ns: int, at_ns: int) -> tuple[Rows, int]:
        if self.t0_ns is None:
            self.t0_ns = at_ns - intended_ns
        rows = self.rows.get(producer)
        if rows is None:
            rows = self.rows[producer] = Rows(producer, self._groups)
        return rows, rows.add(sequence, intended_ns, at_ns)

    def note(self, kind: str, rows: Rows | None, row: int, group: str | None = None) -> None:
        """Count what happened to a message, and keep which one it was."""
        (self.counts if group is None else self.of_group[group])[kind] += 1
        kept = self.ids.setdefault(kind if group is None else f"{group}.{kind}", [])
        if rows is not None and len(kept) < _KEPT_IDS:
            kept.append((rows.producer, rows.sequence[row]))

    def late_us(self) -> dict[str, float] | None:
        """How much later than the queue's law messages left: the floor below which no wake-up of the server comes."""
        late = np.concatenate([np.empty(0, np.int64), *(self._late(rows) for rows in self.rows.values())])
        if not late.size:
            return None
        p50, p99, most = np.percentile(late, [50, 99, 100], method="inverted_cdf") / 1e3
        return {"p50": float(p50), "p99": float(p99), "max": float(most)}

    def _late(self, rows: Rows) -> NDArray[np.int64]:
        departure, left = (
            np.concatenate([_numbers(t) for t in of.values()]) for of in (rows.departure_ns, rows.left_ns)
        )
        gone: NDArray[np.int64] = (left - departure)[left != NEVER]
        return gone

    def arrays(self) -> dict[str, NDArray[np.int64]]:
        """`<producer>.sequence`, `.intended_ns`, `.arrival_ns`, `.departure_ns.<group>`, `.left_ns.<group>`."""
        found: dict[str, NDArray[np.int64]] = {}
        for producer, rows in self.rows.items():
            found[f"{producer}.sequence"] = _numbers(rows.sequence)
            found[f"{producer}.intended_ns"] = _numbers(rows.intended_ns)
            found[f"{producer}.arrival_ns"] = _numbers(rows.arrival_ns)
            for group in self._groups:
                found[f"{producer}.departure_ns.{group}"] = _numbers(rows.departure_ns[group])
                found[f"{producer}.left_ns.{group}"] = _numbers(rows.left_ns[group])
        return found

    def as_json(self) -> dict[str, Any]:
        names = ("published", "canaries", "unstamped", "confirmed", "refused", "confirm_dropped")
        of_group = (
            "delivered",
            "lost",
            "dropped",
            "duplicated",
            "swapped",
            "foreign",
            "corrupted",
            "altered",
            "canaries",
        )
        return {
            "t0_ns": self.t0_ns,
            **{name: self.counts[name] for name in names},
            "groups": {group: {name: found[name] for name in of_group} for group, found in self.of_group.items()},
            "ids": {kind: [list(each) for each in kept] for kind, kept in self.ids.items()},
            "late_us": self.late_us(),
        }

    def save(self, base: Path, extra: dict[str, Any]) -> None:
        """`<base>.json` (with `extra`) and `<base>.npz`."""
        base.with_name(base.name + ".json").write_text(json.dumps(self.as_json() | extra, indent=1), encoding="utf-8")
        np.savez(base.with_name(base.name + ".npz"), **self.arrays())  # type: ignore[arg-type]  # arrays, not allow_pickle


def _numbers(times: "array[int]") -> NDArray[np.int64]:
    """A copy: a view would forbid the array to grow."""
    return np.array(times, np.int64)
