"""Is a trial's figure what it claims to be? Valid, suspect or invalid, each with its reasons.

Whose fault it was is part of the answer: a generator that could not send says nothing about the broker.
Loss is a fact about the broker, no reason against the trial. Thresholds and their sources: docs/method.md.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from .folder import TrialFiles
from .pace import backlog_growing, generator_busy, lost_a_second, rate_reached
from .reasons import Reason, State, Validity
from .seconds import Second, measured
from .words import percent

__all__ = ["judge"]

COUNTERS_OFF = 0.01
STEAL = 0.01
BYSTANDER_CORES = 0.10
DRIFT = 0.10
LEAST_SECONDS = 4  # the two halves of a window are compared from two seconds each on
CLIENT_BOUND, QUEUE_LENGTH = "client-bound", "queue-length latency"


def judge(files: TrialFiles, rows: Sequence[Second], broken: Sequence[Reason]) -> Validity:
    """`broken`: what the integrity check found."""
    steady = measured(rows)
    reasons = list(broken)
    labels: list[str] = []
    reasons += _nothing(files)
    if files.model == "open":
        reasons += rate_reached(files)
        reasons += generator_busy(files)
        reasons += backlog_growing(files, steady)
    else:
        labels += [CLIENT_BOUND] * bool(list(generator_busy(files)))
        labels += [QUEUE_LENGTH] * bool(list(backlog_growing(files, steady)))
    reasons += _fates(files)
    reasons += _counters(files)
    reasons += _surroundings(steady)
    reasons += _steadiness(files, steady)
    return Validity(tuple(reasons), tuple(labels))


def _suspect(code: str, text: str) -> Reason:
    return Reason(code, text, State.SUSPECT)


def _nothing(files: TrialFiles) -> Iterator[Reason]:
    for name, group in files.ledger["groups"].items():
        if not group["unique"]:
            yield Reason(
                "nothing-delivered", f"nothing was delivered to group {name}: {files.ledger['sent']:,} messages sent"
            )
    if not files.ledger["sent"]:
        yield Reason("nothing-sent", f"nothing was sent of {files.ledger['scheduled']:,} messages scheduled")


def _fates(files: TrialFiles) -> Iterator[Reason]:
    ledger = files.ledger
    if ledger["outstanding"]:
        text = f"the ledger is open: the fate of {ledger['outstanding']:,} messages is unknown"
        yield Reason("ledger-open", f"{text} (never confirmed, never delivered)")
    elif not ledger["closed"]:
        yield Reason("ledger-open", "the ledger is open: messages arrived or were confirmed that were never sent")
    wrong = max(ledger["corrupt"], sum(c.get("bodies_wrong") or 0 for c in files.trial["consumers"]))
    if wrong:
        yield Reason("corrupt", f"{wrong:,} messages arrived with another body than the one sent")
    if ledger["foreign"]:
        yield _suspect(
            "foreign",
            f"{ledger['foreign']:,} messages arrived that this trial did not send: the destination is not ours alone",
        )
    for side in (*files.trial["producers"], *files.trial["consumers"]):
        for metric, number in (side.get("negative") or {}).items():
            if number:
                text = (
                    f"{number:,} {metric} values of {side['child']} were below zero (counted as 0): the clocks disagree"
                )
                yield _suspect("negative-latency", text)


def _counters(files: TrialFiles) -> Iterator[Reason]:
    """What the broker counted may differ by messages whose fate it never told us, and by what others took."""
    counted: dict[str, Any] = files.trial.get("broker_counters") or {}
    canaries = counted.get("canaries") or {}
    ledger = files.ledger
    if counted.get("published") is not None:
        theirs = counted["published"] - (canaries.get("published") or 0)
        most = ledger["sent"] - ledger["refused"]
        yield from _compare("published", theirs, most - ledger["unknown"], most)
    for group, number in (counted.get("delivered") or {}).items():
        if number is not None and group in ledger["groups"]:
            ours = ledger["groups"][group]
            theirs = number - ((canaries.get("delivered") or {}).get(group) or 0)
            most = ours["delivered"] + ours["lost"] + ours["outstanding"]
            yield from _compare(f"delivered to group {group}", theirs, ours["delivered"], most)


def _compare(what: str, theirs: int, low: int, high: int) -> Iterator[Reason]:
    off = max(low - theirs, theirs - high)
    if off <= 0:
        return
    ours = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    text = f"the broker counts {theirs:,} messages {what}, the ledger {ours}"
    if off > COUNTERS_OFF * max(high, 1):
        yield Reason("counters-differ", f"{text}: more than {percent(COUNTERS_OFF)} apart")
    else:
        yield _suspect("counters-differ", text)


def _surroundings(steady: Sequence[Second]) -> Iterator[Reason]:
    steal = _mean(steady, "steal_share")
    if steal is not None and steal > STEAL:
        yield _suspect(
            "steal",
            f"the hypervisor took {percent(steal)} of the CPU time (more than {percent(STEAL)}): use a quieter machine",
        )
    other = _mean(steady, "other_cpu")
    if other is not None and other > BYSTANDER_CORES:
        text = f"other servers of the run and the coordinator used {other:.2f} cores (more than {BYSTANDER_CORES:.2f})"
        yield _suspect("bystanders", text)


def _steadiness(files: TrialFiles, steady: Sequence[Second]) -> Iterator[Reason]:
    if files.measure_s < LEAST_SECONDS:
        text = f"measured for {files.measure_s:g} s only (fewer than {LEAST_SECONDS}): one hiccup decides the figure"
        yield _suspect("short", text)
    half = len(steady) // 2
    if half < 2:
        return
    first, last = _mean(steady[:half], "delivered"), _mean(steady[-half:], "delivered")
    if first is None or last is None:
        return
    # What was lost is missing from one half or the other; that is the ledger's to tell.
    lost = lost_a_second(files) * files.measure_s / half
    if abs(last - first) - lost > DRIFT * max(first, last):
        text = f"unsteady: {first:,.0f} msg/s in the first half of the measured window, {last:,.0f} in the second"
        yield _suspect("unsteady", f"{text} (more than {percent(DRIFT)} apart)")


def _mean(rows: Sequence[Second], column: str) -> float | None:
    values = [float(row[column] or 0.0) for row in rows if row[column] is not None]
    return math.fsum(values) / len(values) if values else None
