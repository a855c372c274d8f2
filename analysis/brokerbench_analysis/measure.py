"""One trial: from its files to its figures, its verdict and its row in summary.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .backlog import BACKLOG, backlog_of
from .churn import churn_of
from .consuming import consumers_of
from .folder import Json, TrialFiles, asked_of, counts, read_trial
from .generator import busiest, pauses
from .integrity import check
from .latency import METRICS, Sample, figures, sample_of
from .reasons import Reason, State, Validity
from .seconds import Second, measured, seconds_of
from .steadiness import Steadiness
from .sums import summed, total
from .validity import judge

__all__ = ["COUNTS", "RATES", "Measured", "measure_all"]

COUNTS = (  # of a ledger, over all groups
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
    "duplicates_flagged",
    "redelivered",
    "returned",
    "rejected",
    "reordered",
    "foreign",
    "corrupt",
    "outstanding",
    "recovered",
)
RATES = ("offered_msgs_s", "sent_msgs_s", "confirmed_msgs_s", "delivered_msgs_s", "deliveries_msgs_s")


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

    @property
    def counts(self) -> bool:
        return counts(self.record)


def measure_all(folder: Path, run: Json) -> tuple[Measured, ...]:
    """Every trial that has ended, in the order of run.json."""
    finished = [entry for entry in run["trials"] if entry.get("state") == "finished"]
    replaced = {entry.get("repeats") for entry in finished if entry.get("kind") == "repeat"}
    ended = (entry for entry in run["trials"] if entry.get("state") in {"finished", *_ENDED})
    out = []
    for entry in ended:
        delivery = asked_of(run, str(entry["candidate"])).get("delivery") or {}
        trial = _measure(folder, entry, delivery.get("in_flight"))
        trial.record["superseded"] = entry["id"] in replaced
        out.append(trial)
    return tuple(out)


def _measure(folder: Path, entry: Json, in_flight: int | None) -> Measured:
    """A trial whose files contradict each other keeps no figure of latency."""
    state = str(entry["state"])
    if state in _ENDED:
        why = entry.get("reason") or "no reason was recorded"
        return _without_figures(TrialFiles(entry), (Reason(state, f"the trial {_ENDED[state]}: {why}"),))
    files = read_trial(folder, entry, in_flight)
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
    steady = measured(rows)
    found = judge(files, steady, (*files.problems, *check(files)))
    samples = {metric: sample_of(files, metric) for metric in METRICS}
    record = _frame(files, found.validity)
    record.update(_rates(files))
    record.update(backlog_of(files))
    for metric, sample in samples.items():
        record[f"{metric}_ms"] = figures(sample)
    if len(files.groups) > 1:
        record["end_to_end_ms_by_group"] = {g: figures(sample_of(files, "end_to_end", g)) for g in files.groups}
    record["ledger"] = _ledger(files.ledger)
    record["resources"] = _resources(files, steady)
    record["contamination"] = found.contamination
    record["steady"] = found.steadiness.record()
    record["pauses"] = pauses(files)
    record["checks"] = [one.record() for one in found.checks]
    record["negative"] = _negative(files)
    record["consumers"] = consumers_of(files)
    record["churn"] = churn_of(files)
    return Measured(files, found.validity, record, rows, samples)


def _without_figures(files: TrialFiles, reasons: Sequence[Reason]) -> Measured:
    validity = Validity(tuple(reasons))
    nothing = (*RATES, *(f"{metric}_ms" for metric in METRICS))
    nothing += ("ledger", "resources", "contamination", "pauses", "negative", "consumers", "churn", *BACKLOG)
    record = _frame(files, validity) | dict.fromkeys(nothing)
    return Measured(files, validity, record | {"steady": Steadiness().record(), "checks": []})


def _ledger(ledger: Json) -> Json:
    groups: dict[str, Json] = ledger["groups"]
    return {name: ledger.get(name) for name in COUNTS} | {
        "closed": ledger["closed"],
        "lost_in_window": ledger.get("lost_in_window") or {},
        "duplicates_flagged": total(group.get("duplicates_flagged") for group in groups.values()),
        "fates": summed(group.get("fates") for group in groups.values()),
        "groups": {name: {k: v for k, v in group.items() if k != "ids"} for name, group in groups.items()},
    }


def _negative(files: TrialFiles) -> dict[str, int]:
    """Values below zero, by metric."""
    found: dict[str, int] = {}
    for child in files.children:
        for metric, number in (child.get("negative") or {}).items():
            found[metric] = found.get(metric, 0) + number
    return found


def _frame(files: TrialFiles, validity: Validity) -> Json:
    load = files.trial.get("load") or {"model": None, "rate_msgs_s": None}
    phases = files.trial.get("phases") or {"warmup_s": None, "measure_s": None, "drain_s": None}
    return {
        "id": files.id,
        "kind": files.entry.get("kind") or "planned",
        "repeats": files.entry.get("repeats"),
        "superseded": False,
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
    confirmed = sum(p["confirmed_by_time"] for p in producers) if files.confirms else None
    if files.model == "backlog":
        return dict.fromkeys(RATES)  # there is no window in which both sides work
    counts = (due if files.model == "open" else sent, sent, confirmed, unique / max(len(files.groups), 1), unique)
    return {name: None if n is None else n / files.measure_s for name, n in zip(RATES, counts, strict=True)}


def _resources(files: TrialFiles, steady: Sequence[Second]) -> Json:
    producers, consumers = files.trial["producers"], files.trial["consumers"]
    deliveries = sum(c["unique_by_time"] for c in consumers)
    confirmed = sum(p["confirmed_by_time"] for p in producers)
    used = [child["cpu_s"] for child in files.children]
    generator = None if None in used else sum(used)
    return {
        "generator_cpu_s_per_million": _per(generator, deliveries / 1e6),
        "broker_cpu_s_per_million": _per(_window_sum(steady, "broker_cpu", files.measure_s), deliveries / 1e6),
        "generator_rss_mib_max": _most(steady, "generator_rss_mib"),
        "broker_rss_mib_max": _most(steady, "broker_rss_mib"),
        "flushes_per_confirmed": _per(_window_sum(steady, "flushes", files.measure_s), confirmed),
        "busy_share_max": busiest(files.children)[1],
    }


def _per(amount: float | None, of: float) -> float | None:
    return None if amount is None or not of else amount / of


def _window_sum(steady: Sequence[Second], column: str, measure_s: float) -> float | None:
    """The window's total from its whole seconds (rates each), scaled where a phase was cut inside a second."""
    there = [float(row[column] or 0.0) for row in steady if row[column] is not None]
    return sum(there) / len(there) * measure_s if there else None


def _most(steady: Sequence[Second], column: str) -> float | None:
    return max((float(row[column] or 0.0) for row in steady if row[column] is not None), default=None)
