"""A run as a reader wants it: the canonical figures, and data frames for whoever draws or looks further."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .candidates import Candidate
from .folder import Json
from .latency import Sample
from .measure import Measured
from .seconds import COLUMNS
from .summary import analyse
from .verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Study", "load"]

_TOP = (0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99995, 0.99999, 0.999999)
_LOW = tuple(i / 100 for i in range(1, 50)) + tuple(i / 100 for i in range(51, 100))


@dataclass(frozen=True)
class Study:
    """What one run folder tells. Pages print from `summary`; frames are for charts and exports.

    `trials`: one row a trial that ended (columns: candidate, trial, block, state, validity, reasons, then each
    figure of summary.json with dots: `end_to_end_ms.p99`, `ledger.lost`, `resources.broker_rss_mib_max` ...).
    `seconds`: candidate, trial, block, then the columns of seconds.COLUMNS.
    """

    folder_name: str
    run: Json
    summary: Json
    verdict: Verdict
    trials: "pd.DataFrame"
    seconds: "pd.DataFrame"
    candidates: tuple[Candidate, ...]
    measured: tuple[Measured, ...]  # the ended trials with their files: ids of lost messages, events, facts

    def percentiles(self, candidate: str, metric: str) -> "pd.DataFrame":
        """`quantile`, `ms`, `at_least` of all usable trials merged, as far as their number of messages carries."""
        found = next((c for c in self.candidates if c.name == candidate), None)
        return _curve(None if found is None else found.sample(metric))

    def ids(self, trial: str) -> dict[str, dict[str, list[list[int]]]]:
        """Group -> fate -> the first 100 (producer, sequence) of that fate."""
        files = next((t.files for t in self.measured if t.files.id == trial), None)
        groups = {} if files is None else files.ledger.get("groups", {})
        return {name: dict(group["ids"]) for name, group in groups.items()}


def load(folder: Path) -> Study:
    """Read and check a run folder. Raises FolderError where run.json cannot be used."""
    import pandas as pd

    found = analyse(folder)
    names = {c.name: i for i, c in enumerate(found.candidates)}
    trials = sorted(found.trials, key=lambda t: (names[t.files.candidate], t.record["block"] or 0))
    rows = [_row(t) for t in trials]
    seconds = [_place(t) | second for t in trials for second in t.seconds]
    return Study(
        folder.resolve().name,
        found.run,
        found.summary,
        found.verdict,
        pd.DataFrame(rows, columns=None if rows else list(_PLACE)),
        pd.DataFrame(seconds, columns=[*_PLACE, *COLUMNS]),
        found.candidates,
        found.trials,
    )


_PLACE = ("candidate", "trial", "block")


def _place(trial: Measured) -> dict[str, Any]:
    return dict(zip(_PLACE, (trial.files.candidate, trial.files.id, trial.record["block"]), strict=True))


def _row(trial: Measured) -> dict[str, Any]:
    record = trial.record
    row = _place(trial) | {
        "state": record["state"],
        "validity": record["validity"]["state"],
        "reasons": "; ".join(record["validity"]["reasons"]),
        "labels": ", ".join(record["validity"]["labels"]),
    }
    for name, value in record.items():
        if isinstance(value, dict):
            if name != "validity":
                row |= {f"{name}.{k}": v for k, v in value.items() if not isinstance(v, (dict, list))}
        elif name not in row and not isinstance(value, list) and name != "id":
            row[name] = value
    return row


def _curve(sample: Sample | None) -> "pd.DataFrame":
    import pandas as pd

    if sample is None:
        return pd.DataFrame({"quantile": [], "ms": [], "at_least": []})
    wanted = [q for q in sorted({*_LOW, *_TOP}) if sample.supports(q) and sample.size * q >= 1]
    values = sample.histogram.quantiles_ms(wanted, sample.absent)
    return pd.DataFrame(
        {
            "quantile": wanted,
            "ms": [sample.bound_ms() if v is None else v for v in values],
            "at_least": [v is None for v in values],
        }
    )
