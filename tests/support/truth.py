"""What we say of a trial against what the simulated broker says of itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brokerbench_analysis import Study

__all__ = ["QUANTILES", "Truth", "assert_agrees", "assert_counts", "batch_error", "sojourn_ms", "window_ns"]

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
_BIN = 0.001  # a histogram's bin is no wider, and its highest value is printed


@dataclass(frozen=True)
class Truth:
    """A study with one candidate and one trial; `account` is the broker's ledger, `times` its columns (account.py)."""

    folder: Path
    study: Study
    account: Mapping[str, Any]
    times: Mapping[str, Any]
    replies: tuple[Mapping[str, Any], ...] = ()  # its ledgers of the places for replies

    @property
    def record(self) -> dict[str, Any]:
        candidate = next(iter(self.study.summary["candidates"].values()))
        record: dict[str, Any] = candidate["trials"][0]
        return record

    @property
    def t0_ns(self) -> int:
        """On the machine's own clock, which the broker reads too."""
        path = self.folder / "trials" / self.record["id"] / "trial.json"
        t0_ns: int = json.loads(path.read_text(encoding="utf-8"))["t0_monotonic_ns"]
        return t0_ns


def window_ns(truth: Truth) -> tuple[int, int]:
    """The measured window, since t0."""
    phases = truth.record["phases"]
    return round(phases["warmup_s"] * 1e9), round((phases["warmup_s"] + phases["measure_s"]) * 1e9)


def sojourn_ms(truth: Truth, group: str = "all", column: str = "departure_ns") -> Any:
    """True latency of each message that was intended in the measured window and left, in order of intended time."""
    t0_ns, (start, end) = truth.t0_ns, window_ns(truth)
    intended, left = [], []
    for producer in sorted({name.partition(".")[0] for name in truth.times}):
        due, gone = truth.times[f"{producer}.intended_ns"], truth.times[f"{producer}.{column}.{group}"]
        inside = (due >= start) & (due < end) & (gone >= 0)
        intended.append(due[inside])
        left.append(gone[inside] - t0_ns - due[inside])
    order = np.argsort(np.concatenate(intended), kind="stable")
    return np.concatenate(left)[order] / 1e6


def assert_agrees(truth: Truth) -> None:
    """Counts are exact, percentiles within a histogram's bin."""
    assert_counts(truth)
    true, ours = np.sort(sojourn_ms(truth)), truth.record["end_to_end_ms"]
    assert ours["count"] == len(true)
    for name, q in QUANTILES.items():
        if ours[name] is None:
            assert len(true) * (1 - q) < 10
            continue
        exact = true[int(np.ceil(q * len(true) - 1e-9)) - 1]
        assert exact - 1e-6 <= ours[name] <= exact * (1 + _BIN) + 1e-6, name
    assert abs(ours["mean"] - true.mean()) <= _BIN * true.mean()


def assert_counts(truth: Truth) -> None:
    """Every count that both sides have."""
    ledger, account = truth.record["ledger"], truth.account
    sides = [side for each in (account, *truth.replies) for side in each["groups"].values()]
    assert ledger["refused"] == account["refused"]
    assert ledger["sent"] == account["published"] + account["refused"]
    assert ledger["confirmed"] == account["confirmed"]
    # A message whose stamp is damaged is delivered by the broker, and known by nobody.
    assert ledger["delivered"] == sum(side["delivered"] - side["corrupted"] for side in sides)
    assert ledger["duplicates"] == sum(side["duplicated"] for side in sides)
    assert ledger["foreign"] == sum(side["foreign"] for side in sides)
    assert ledger["corrupt"] == sum(side["corrupted"] + side["altered"] for side in sides)


def batch_error(values: Any, batches: int) -> float:
    """Standard error of the mean from the means of `batches` consecutive parts (Law and Kelton, batch means)."""
    means = [part.mean() for part in np.array_split(values, batches)]
    return float(np.std(means, ddof=1) / np.sqrt(batches))
