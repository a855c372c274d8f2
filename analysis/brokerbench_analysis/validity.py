"""Is a trial's figure what it claims to be? Valid, suspect or invalid, each with its reasons.

Whose fault it was is part of the answer: a generator that could not send says nothing about the broker.
Loss is a fact about the broker, no reason against the trial. Thresholds and their sources: docs/method.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .backlog import unfilled
from .consuming import still_coming
from .crosschecks import Check, cross_checks, failures
from .folder import Json, TrialFiles
from .generator import busy, client_bound, paused
from .pace import backlog_growing, rate_reached
from .reasons import Reason, State, Validity
from .seconds import Second
from .steadiness import LEAST_SECONDS, Steadiness, steadiness
from .surroundings import contamination, disturbed
from .words import percent

__all__ = ["CLIENT_BOUND", "Judgement", "judge"]

CLIENT_BOUND, QUEUE_LENGTH = "client-bound", "queue-length latency"
TWICE, TWICE_MOST = 0.01, 0.02  # of a group's messages


@dataclass(frozen=True)
class Judgement:
    validity: Validity
    checks: tuple[Check, ...]
    steadiness: Steadiness
    contamination: Json | None


def judge(files: TrialFiles, steady: Sequence[Second], broken: Sequence[Reason]) -> Judgement:
    """`steady`: the measured seconds; `broken`: what the integrity check found. Reasons that weigh most come first."""
    if files.model == "backlog":
        steady = ()  # it fills, then it drains: it is to be no steady state
    checks = tuple(cross_checks(files))
    growing = tuple(backlog_growing(files, steady))
    state = steadiness(files, steady, growing)
    contaminated = contamination(files, steady)
    # What may be the generator's stands before what a slow broker would look like too.
    reasons = [*broken, *_nothing(files), *failures(checks), *paused(files)]
    labels: list[str] = []
    if files.model == "open":
        reasons += [*busy(files), *rate_reached(files, steady), *growing]
        labels += [CLIENT_BOUND] if client_bound(files) else []
    else:
        late = list(busy(files))
        reasons += late if files.model == "closed" else []
        labels += [CLIENT_BOUND] if late else []
        labels += [QUEUE_LENGTH] if growing else []
    reasons += [
        *_fates(files),
        *_counted_twice(files),
        *still_coming(files),
        *unfilled(files),
        *disturbed(contaminated, steady),
        *_short(files),
    ]
    reasons += [reason for reason in state.reasons if reason not in growing]
    validity = Validity(tuple(sorted(reasons, key=lambda r: r.state is not State.INVALID)), tuple(labels))
    return Judgement(validity, checks, state, contaminated)


def _nothing(files: TrialFiles) -> Iterator[Reason]:
    """Of the measured window: that the warm-up arrived makes no figure."""
    windows = [p["in_window"] for p in files.trial["producers"]]
    scheduled, sent = (sum(w[name] for w in windows) for name in ("scheduled", "sent"))
    for name in files.groups if sent else ():
        if not sum(c["in_window"] for c in files.trial["consumers"] if c["group"] == name):
            text = f"nothing of the measured window was delivered to group {name}: {sent:,} messages sent"
            yield Reason("nothing-delivered", text, brokers=True)
    if not sent:
        yield Reason("nothing-sent", f"nothing was sent of {scheduled:,} messages scheduled in the measured window")


def _fates(files: TrialFiles) -> Iterator[Reason]:
    ledger = files.ledger
    if ledger["outstanding"]:
        text = f"the ledger is open: the fate of {ledger['outstanding']:,} messages is unknown"
        yield Reason("ledger-open", f"{text} (never confirmed, never delivered)", brokers=True)
    elif not ledger["closed"]:
        text = "the ledger is open: messages arrived or were confirmed that were never sent"
        yield Reason("ledger-open", text, brokers=True)
    wrong = max(ledger["corrupt"], sum(c.get("bodies_wrong") or 0 for c in files.trial["consumers"]))
    if wrong:
        yield Reason("corrupt", f"{wrong:,} messages arrived with another body than the one sent", brokers=True)
    if ledger["foreign"]:
        text = f"{ledger['foreign']:,} messages arrived that this trial did not send"
        yield Reason("foreign", f"{text}: the destination is not ours alone", State.SUSPECT)
    for child in files.children:
        for metric, number in (child.get("negative") or {}).items():
            if number:
                text = f"{number:,} {metric} values of {child['child']} were below zero: the clocks disagree"
                yield Reason("negative-latency", f"{text} (kept, each counted as 0)", State.SUSPECT)


def _counted_twice(files: TrialFiles) -> Iterator[Reason]:
    """Each consumer knows its own messages only; the ledger's bitmaps know those of the group."""
    for name, group in files.ledger["groups"].items():
        twice = sum(c["unique"] for c in files.trial["consumers"] if c["group"] == name) - group["unique"]
        share = twice / group["unique"] if group["unique"] else 0.0
        if share > TWICE:
            text = f"{twice:,} messages reached two consumers of group {name} and are in its throughput twice"
            state = State.INVALID if share > TWICE_MOST else State.SUSPECT
            yield Reason("counted-twice", f"{text} ({percent(share)} of its messages)", state)


def _short(files: TrialFiles) -> Iterator[Reason]:
    if files.model != "backlog" and files.measure_s < LEAST_SECONDS:
        text = f"measured for {files.measure_s:g} s only (fewer than {LEAST_SECONDS}): one hiccup decides the figure"
        yield Reason("short", text, State.SUSPECT)
