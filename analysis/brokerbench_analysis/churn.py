"""Connections that were closed and opened again under the load, as was asked, and how long the opening took."""

import statistics

from .folder import Json, TrialFiles

__all__ = ["SIDES", "churn_of", "consumers_churn"]

SIDES = ("producers", "consumers")


def churn_of(files: TrialFiles) -> Json | None:
    """For each side what began in the measured window; null for a side whose connections stay open, and where both
    do."""
    sides = {side: _side(files, side) for side in SIDES}
    return sides if any(sides.values()) else None


def consumers_churn(files: TrialFiles) -> bool:
    """Whether consumers go and come: what their clients had read ahead is delivered once more."""
    return any(row.get("churn") is not None for row in files.trial["consumers"])


def _side(files: TrialFiles, side: str) -> Json | None:
    lists = [row["churn"]["reconnect_ms"] for row in files.trial[side] if row.get("churn") is not None]
    if not lists:
        return None
    took = [ms for each in lists for ms in each]
    return {"reopened": len(took), "reconnect_ms": _figures(took)}


def _figures(took: list[float]) -> Json | None:
    """Null where no connection was reopened."""
    if not took:
        return None
    mean, p50 = statistics.fmean(took), statistics.median(took)
    return {"count": len(took), "mean": mean, "p50": p50, "max": max(took)}
