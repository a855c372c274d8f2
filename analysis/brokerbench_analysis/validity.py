"""Is a trial's figure what it claims to be? Valid, suspect or invalid, each with its reasons.

Whose fault it was is part of the answer: a generator that could not send says nothing about the broker.
Loss is a fact about the broker, no reason against the trial. Thresholds and their sources: docs/method.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .crosschecks import Check, cross_checks, failures
from .folder import Json, TrialFiles
from .generator import busy, client_bound, paused
from .pace import backlog_growing, rate_reached
from .reasons import Reason, State, Validity
from .seconds import Second
from .steadiness import LEAST_SECONDS, Steadiness, steadiness
from .surroundings import contamination, disturbed

__all__ = ["Judgement", "judge"]

CLIENT_BOUND, QUEUE_LENGTH = "client-bound", "queue-length latency"


@dataclass(frozen=True)
class Judgement:
    validity: Validity
    checks: tuple[Check, ...]
    steadiness: Steadiness
    contamination: Json | None


def judge(files: TrialFiles, steady: Sequence[Second], broken: Sequence[Reason]) -> Judgement:
    """`steady`: the measured seconds; `broken`: what the integrity check found. Reasons that weigh most come first."""
    checks = tuple(cross_checks(files))
    growing = tuple(backlog_growing(files, steady))
    state = steadiness(files, steady, growing)
    contaminated = contamination(files, steady)
    reasons = [*broken, *_nothing(files), *failures(checks), *paused(files)]
    labels: list[str] = []
    if files.model == "open":
        reasons += [*rate_reached(files, steady), *busy(files), *growing]
        labels += [CLIENT_BOUND] if client_bound(files) else []
    else:
        labels += [CLIENT_BOUND] if list(busy(files)) else []
        labels += [QUEUE_LENGTH] if growing else []
    reasons += [*_fates(files), *disturbed(contaminated, steady), *_short(files)]
    reasons += [reason for reason in state.reasons if reason not in growing]
    validity = Validity(tuple(sorted(reasons, key=lambda r: r.state is not State.INVALID)), tuple(labels))
    return Judgement(validity, checks, state, contaminated)


def _nothing(files: TrialFiles) -> Iterator[Reason]:
    for name, group in files.ledger["groups"].items():
        if not group["unique"]:
            text = f"nothing was delivered to group {name}: {files.ledger['sent']:,} messages sent"
            yield Reason("nothing-delivered", text)
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
        text = f"{ledger['foreign']:,} messages arrived that this trial did not send"
        yield Reason("foreign", f"{text}: the destination is not ours alone", State.SUSPECT)
    for child in files.children:
        for metric, number in (child.get("negative") or {}).items():
            if number:
                text = f"{number:,} {metric} values of {child['child']} were below zero: the clocks disagree"
                yield Reason("negative-latency", f"{text} (kept, each counted as 0)", State.SUSPECT)


def _short(files: TrialFiles) -> Iterator[Reason]:
    if files.measure_s < LEAST_SECONDS:
        text = f"measured for {files.measure_s:g} s only (fewer than {LEAST_SECONDS}): one hiccup decides the figure"
        yield Reason("short", text, State.SUSPECT)
