"""When the seconds of a trial were, on the wall clock. Its files count from t0, which has no date of its own."""

import datetime as dt

from brokerbench_analysis.folder import TrialFiles

__all__ = ["began_s"]


def began_s(files: TrialFiles) -> float:
    """Seconds since the epoch at which the trial began, whole; t0 follows when all are connected, a second or so later.
    0 where that was not recorded."""
    try:
        return float(int(dt.datetime.fromisoformat(str(files.trial.get("started"))).timestamp()))
    except ValueError:
        return 0.0
