"""What else ran on the machine while a trial was measured, and whether it took time from it."""

import math
from collections.abc import Iterator, Sequence

from brokerbench.model import STEAL_MOST, THROTTLED_MOST

from .folder import Json, TrialFiles
from .reasons import Reason, State
from .seconds import Second
from .words import percent

__all__ = ["contamination", "disturbed"]

BYSTANDER_CORES = 0.10


def contamination(files: TrialFiles, steady: Sequence[Second]) -> Json | None:
    """As the trial recorded it; an older trial's steal is the mean of its seconds. None where nothing was measured."""
    recorded: Json | None = files.trial.get("contamination")
    if recorded is None:
        steal = _mean(steady, "steal_share")
        recorded = {"steal_share": steal, "throttled_share": None}
        if steal is None:
            return None
    steal, throttled = recorded.get("steal_share"), recorded.get("throttled_share")
    beyond = (steal or 0.0) > STEAL_MOST or (throttled or 0.0) > THROTTLED_MOST
    return {
        "steal_share": steal,
        "throttled_share": throttled,
        "contaminated": beyond or bool(recorded.get("contaminated")),
    }


def disturbed(found: Json | None, steady: Sequence[Second]) -> Iterator[Reason]:
    if found is not None and found["contaminated"]:
        shares = (
            (found["steal_share"], STEAL_MOST, "the hypervisor took {} of the CPU time"),
            (found["throttled_share"], THROTTLED_MOST, "the cgroup's CPU quota stopped us for {} of the measured time"),
        )
        told = [f"{text.format(percent(s))} (more than {percent(at)})" for s, at, text in shares if s and s > at]
        text = " and ".join(told) or "the run noted that something else took its time"
        yield Reason("contaminated", f"contaminated: {text}: use a quieter machine", State.SUSPECT)
    other = _mean(steady, "other_cpu")
    if other is not None and other > BYSTANDER_CORES:
        text = f"other servers of the run and the coordinator used {other:.2f} cores (more than {BYSTANDER_CORES:.2f})"
        yield Reason("bystanders", text, State.SUSPECT)


def _mean(rows: Sequence[Second], column: str) -> float | None:
    values = [float(row[column] or 0.0) for row in rows if row[column] is not None]
    return math.fsum(values) / len(values) if values else None
