"""CSV: one row a trial, for spreadsheets and data frames. What was not measured is an empty cell, never 0."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from brokerbench_analysis import Study
from brokerbench_analysis.latency import METRICS
from brokerbench_analysis.measure import COUNTS, RATES
from brokerbench_analysis.metrics import FIGURES

from .words import cell

__all__ = ["as_csv"]

_LATENCY = ("count", *FIGURES, "at_least", "at_least_from")
_ANSWERS = ("confirmed", "refused", "unknown", "handed-over")
_COMES = ("delivered", "absent")
_RESOURCES = (
    "generator_cpu_s_per_million",
    "broker_cpu_s_per_million",
    "generator_rss_mib_max",
    "broker_rss_mib_max",
    "flushes_per_confirmed",
)
_CANDIDATE = ("driver", "client", "server", "broker_version", "guarantee", "survives", "promise_point", "matched")


def as_csv(study: Study) -> str:
    """Excluded candidates have one row with their reason."""
    rows = [row for name, candidate in study.summary["candidates"].items() for row in _rows(name, candidate)]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _cell(item) for column, item in row.items()} for row in rows)
    return out.getvalue()


def _rows(name: str, candidate: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    head = {"candidate": name} | {key: candidate[key] for key in _CANDIDATE} | {"excluded": candidate["excluded"]}
    head |= {"generator": candidate.get("generator"), "limit_by": (candidate.get("limit") or {}).get("by")}
    for trial in candidate["trials"] or [None]:
        yield head | _trial(trial or {})


def _trial(trial: Mapping[str, Any]) -> dict[str, Any]:
    load, ledger = trial.get("load") or {}, trial.get("ledger") or {}
    row: dict[str, Any] = {"trial": trial.get("id"), "block": trial.get("block")} | _standing(trial)
    row |= {"load_model": load.get("model"), "arrivals": load.get("arrivals"), "asked_msgs_s": load.get("rate_msgs_s")}
    row |= {key: trial.get(key) for key in RATES}
    for name in METRICS:
        row |= {f"{name}_ms_{key}": (trial.get(f"{name}_ms") or {}).get(key) for key in _LATENCY}
    row |= {f"ledger_{key}": ledger.get(key) for key in ("closed", *COUNTS)}
    row |= {
        f"fate_{answer.replace('-', '_')}_{come}": ((ledger.get("fates") or {}).get(answer) or {}).get(come)
        for answer in _ANSWERS
        for come in _COMES
    }
    return row | {key: (trial.get("resources") or {}).get(key) for key in _RESOURCES}


def _standing(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the row counts, and what is held against it: before any figure."""
    validity, steady = trial.get("validity") or {}, trial.get("steady") or {}
    pauses, disturbed = trial.get("pauses") or {}, trial.get("contamination") or {}
    checks = trial.get("checks")
    return {
        "state": validity.get("state"),
        "reasons": "; ".join([*validity.get("reasons", ()), *validity.get("labels", ())]),
        **{key: trial.get(key) for key in ("kind", "repeats", "superseded")},
        "steady": steady.get("state"),
        "steady_reasons": "; ".join(steady.get("reasons") or ()),
        **{key: disturbed.get(key) for key in ("steal_share", "throttled_share")},
        **{f"pauses_{key}": pauses.get(key) for key in ("count", "total_ms", "max_ms", "child")},
        "checks_broken": None if checks is None else "; ".join(c["name"] for c in checks if c["holds"] is False),
    }


def _cell(item: Any) -> Any:
    if item is None:
        return ""
    if isinstance(item, bool):
        return "true" if item else "false"
    if not isinstance(item, str):
        return item
    return cell(item)
