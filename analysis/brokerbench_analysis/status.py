"""What a finished run means to a shell: the exit status of design, first that holds."""

from typing import Any

from .folder import counts

__all__ = ["FAILED", "GATE", "NOT_VALID", "OK", "exit_status"]

OK, FAILED, NOT_VALID, GATE = 0, 1, 3, 4


def exit_status(summary: dict[str, Any]) -> int:
    """1 a trial failed; 3 measured but not valid; 4 valid, but an SLO or a promise failed; 0 else (suspect too).

    Probes and trials that were repeated decide nothing but that a promise was broken. Bad input (2) and Ctrl-C (130)
    are the command line's. A smoke run makes no claim, so an SLO that its few messages cannot decide does not fail it;
    outside a smoke run an SLO that could not be decided is not met.
    """
    taking_part = [c for c in summary["candidates"].values() if c["excluded"] is None]
    trials = [t for c in taking_part for t in c["trials"] if counts(t)]
    if summary["status"] == "failed" or any(t["state"] == "failed" for t in trials):
        return FAILED
    if not trials or any(t["validity"]["state"] == "invalid" for t in trials):
        return NOT_VALID
    unmet = {False} if summary["smoke"] else {False, None}
    if any(row["met"] in unmet for row in summary["slo"]):
        return GATE
    if any(c["guarantee"] == "at-least-once" and c["lost"] for c in taking_part):
        return GATE
    return OK
