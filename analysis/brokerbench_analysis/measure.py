"""One trial: from its files to its figures, its verdict and its row in summary.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .folder import Json, TrialFiles, read_trial
from .integrity import check
from .latency import METRICS, Sample, figures, sample_of
from .reasons import Reason, State, Validity
from .seconds import Second, measured, seconds_of
from .validity import judge

__all__ = ["Measured", "measure"]

_LEDGER = (
    "scheduled",
    "sent",
    "confirmed",
    "refused",
    "unknown",
    "promised",
    "expected",
    "delivered",
    "unique",
    "lost",
    "duplicates",
    "redelivered",
    "reordered",
    "foreign",
    "corrupt",
    "outstanding",
    "recovered",
)


@dataclass(frozen=True)
class Measured:
    files: TrialFiles
    validity: Validity
    record: Json  # as in summary.json
    seconds: tuple[Second, ...] = ()
    samples: Mapping[str, Sample | None] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        return self.validity.state is not State.INVALID


def measure(folder: Path, entry: Json) -> Measured | None:
    """None for a trial that has not ended. A trial whose files contradict each other keeps no figure of latency."""
    state = entry.get("state")
    if state not in {"finished", "failed", "interrupted"}:
        return None
    if state != "finished":
        why = entry.get("reason") or "no reason was recorded"
        return _without_figures(TrialFiles(entry), (Reason(str(state), f"the trial {_ENDED[state]}: {why}"),))
    files = read_trial(folder, entry)
    unreadable = [p for p in files.problems if "cannot be read" in p.text]
    if unreadable:
        return _without_figures(files, files.problems)
    try:
        return _with_figures(files)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        text = f"the files of this trial lack what the analysis needs ({type(error).__name__}: {error})"
        return _without_figures(files, (*files.problems, Reason("integrity", text)))


_ENDED = {"failed": "failed", "interrupted": "was interrupted"}


def _with_figures(files: TrialFiles) -> Measured:
    rows = tuple(seconds_of(files))
    validity = judge(files, rows, (*files.problems, *check(files)))
    samples = {metric: sample_of(files, metric) for metric in METRICS}
    record = _frame(files, validity)
    record.update(_rates(files))
    for metric, sample in samples.items():
        record[f"{metric}_ms"] = figures(sample)
    if len(files.groups) > 1:
        record["end_to_end_ms_by_group"] = {g: figures(sample_of(files, "end_to_end", g)) for g in files.groups}
    groups = {name: {k: v for k, v in group.items() if k != "ids"} for name, group in files.ledger["groups"].items()}
    record["ledger"] = {name: files.ledger.get(name) for name in _LEDGER} | {
        "closed": files.ledger["closed"],
        "lost_in_window": files.ledger.get("lost_in_window") or {},
        "groups": groups,
    }
    record["resources"] = _resources(files, measured(rows))
    return Measured(files, validity, record, rows, samples)


def _without_figures(files: TrialFiles, reasons: Sequence[Reason]) -> Measured:
    validity = Validity(tuple(reasons))
    record = _frame(files, validity) | dict.fromkeys(_RATES) | {f"{metric}_ms": None for metric in METRICS}
    return Measured(files, validity, record | {"ledger": None, "resources": None})


_RATES = ("offered_msgs_s", "sent_msgs_s", "confirmed_msgs_s", "delivered_msgs_s", "deliveries_msgs_s")


def _frame(files: TrialFiles, validity: Validity) -> Json:
    load = files.trial.get("load") or {"model": None, "rate_msgs_s": None}
    phases = files.trial.get("phases") or {"warmup_s": None, "measure_s": None, "drain_s": None}
    return {
        "id": files.id,
        "block": files.entry.get("block"),
        "order": files.entry.get("order"),
        "state": files.entry.get("state"),
        "started": files.trial.get("started"),
        "load": dict(load),
        "phases": dict(phases),
        "in_flight_by": files.trial.get("in_flight_by"),
        "validity": {
            "state": validity.state.value,
            "reasons": [reason.text for reason in validity.reasons],
            "codes": [reason.code for reason in validity.reasons],
            "labels": list(validity.labels),
        },
    }


def _rates(files: TrialFiles) -> Json:
    """Throughput is what happened inside the window, by the time it happened; delivered is the mean over groups."""
    producers, consumers = files.trial["producers"], files.trial["consumers"]
    sent = sum(p["sent_by_time"] for p in producers)
    due = sum(p["in_window"]["scheduled"] for p in producers)
    unique = sum(c["unique_by_time"] for c in consumers)
    confirms = "confirm" in files.latency or files.ledger["confirmed"] > 0
    confirmed = sum(p["confirmed_by_time"] for p in producers) if confirms else None
    counts = (due if files.model == "open" else sent, sent, confirmed, unique / max(len(files.groups), 1), unique)
    return {name: None if n is None else n / files.measure_s for name, n in zip(_RATES, counts, strict=True)}


def _resources(files: TrialFiles, steady: Sequence[Second]) -> Json:
    producers, consumers = files.trial["producers"], files.trial["consumers"]
    deliveries = sum(c["unique_by_time"] for c in consumers)
    confirmed = sum(p["confirmed_by_time"] for p in producers)
    used = [child["cpu_s"] for child in (*producers, *consumers)]
    generator = None if None in used else sum(used)
    return {
        "generator_cpu_s_per_million": _per(generator, deliveries / 1e6),
        "broker_cpu_s_per_million": _per(_window_sum(steady, "broker_cpu", files.measure_s), deliveries / 1e6),
        "generator_rss_mib_max": _most(steady, "generator_rss_mib"),
        "broker_rss_mib_max": _most(steady, "broker_rss_mib"),
        "flushes_per_confirmed": _per(_window_sum(steady, "flushes", files.measure_s), confirmed),
        "busy_share_max": max(
            (c["busy_share"] for c in (*producers, *consumers) if c["busy_share"] is not None), default=None
        ),
    }


def _per(amount: float | None, of: float) -> float | None:
    return None if amount is None or not of else amount / of


def _window_sum(steady: Sequence[Second], column: str, measure_s: float) -> float | None:
    """The window's total from its whole seconds (rates each), scaled where a phase was cut inside a second."""
    there = [float(row[column] or 0.0) for row in steady if row[column] is not None]
    return sum(there) / len(there) * measure_s if there else None


def _most(steady: Sequence[Second], column: str) -> float | None:
    return max((float(row[column] or 0.0) for row in steady if row[column] is not None), default=None)
