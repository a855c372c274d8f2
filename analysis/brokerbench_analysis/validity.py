"""Is a trial's figure what it claims to be? Valid, suspect or invalid, each with its reasons.

Whose fault it was is part of the answer: a generator that could not send says nothing about the broker.
Loss is a fact about the broker, no reason against the trial. Thresholds and their sources: docs/method.md.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from .folder import TrialFiles
from .reasons import Reason, State, Validity
from .seconds import Second, measured
from .words import percent

__all__ = ["judge"]

SENT_SHARE = 0.99  # of the schedule
DELIVERED_SHARE = 0.98  # of the asked rate
BUSY = 0.80  # of one core
BACKLOG_SHARE = 0.01  # growth, of the rate
COUNTERS_OFF = 0.01
STEAL = 0.01
BYSTANDER_CORES = 0.10
DRIFT = 0.10
LEAST_SECONDS = 5
CLIENT_BOUND, QUEUE_LENGTH = "client-bound", "queue-length latency"


def judge(files: TrialFiles, rows: Sequence[Second], broken: Sequence[Reason]) -> Validity:
    """`broken`: what the integrity check found."""
    steady = measured(rows)
    reasons = list(broken)
    labels: list[str] = []
    reasons += _nothing(files)
    if files.model == "open":
        reasons += _rate(files)
        reasons += _busy(files)
        reasons += _backlog(files, steady)
    else:
        labels += [CLIENT_BOUND] * bool(list(_busy(files)))
        labels += [QUEUE_LENGTH] * bool(list(_backlog(files, steady)))
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


def _rate(files: TrialFiles) -> Iterator[Reason]:
    producers, consumers = files.trial["producers"], files.trial["consumers"]
    scheduled, sent = (sum(p["in_window"][name] for p in producers) for name in ("scheduled", "sent"))
    in_time = sum(p["sent_by_time"] for p in producers)
    worst = max((p["busy_share"] or 0.0 for p in producers), default=0.0)
    if min(sent, in_time) < SENT_SHARE * scheduled:
        whose = (
            f"the generator's own limit: a producer's core was {percent(worst)} busy; use more producers"
            if worst > BUSY
            else f"the producers had time left ({percent(worst)} busy): the broker took no more, or in_flight is too small for its delay"
        )
        text = f"rate not reached: {min(sent, in_time):,} of {scheduled:,} messages were sent in the measured window; {whose}"
        yield Reason("rate-not-reached", text)
    asked = files.rate_msgs_s or scheduled / files.measure_s
    lost = files.ledger.get("lost_in_window") or {}
    for group in files.groups:
        got = sum(c["unique_by_time"] for c in consumers if c["group"] == group) / files.measure_s
        if got + lost.get(group, 0) / files.measure_s < DELIVERED_SHARE * asked:
            text = f"not sustained: group {group} got {got:,.0f} of {asked:,.0f} msg/s asked for; its consumers or the broker did not keep up"
            yield Reason("not-sustained", text)


def _busy(files: TrialFiles) -> Iterator[Reason]:
    for child in (*files.trial["producers"], *files.trial["consumers"]):
        share = child["busy_share"]
        if share is not None and share > BUSY:
            text = f"the generator is near its limit: {child['child']} was {percent(share)} busy of its core (more than {percent(BUSY)})"
            yield Reason("generator-busy", f"{text}; use more of its kind")


def _backlog(files: TrialFiles, steady: Sequence[Second]) -> Iterator[Reason]:
    points = [(float(row["t"] or 0), float(row["backlog"])) for row in steady if isinstance(row["backlog"], float)]
    slope, low = _slope(points)
    sent = sum(p["sent_by_time"] for p in files.trial["producers"]) / files.measure_s
    rate = files.rate_msgs_s or sent
    lost = sum((files.ledger.get("lost_in_window") or {}).values()) / max(len(files.groups), 1) / files.measure_s
    # Messages that were lost never leave the backlog; they are the ledger's to tell.
    if low - lost > 0 and slope - lost > BACKLOG_SHARE * rate:
        text = f"the backlog grew by {slope - lost:,.0f} messages each second of the measured window ({percent((slope - lost) / rate)} of the rate)"
        yield Reason("backlog-growing", f"{text}: latency there tells how long the test was")


def _slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Least squares slope and the lower end of its one-sided 99 % interval; zero where three points are not there."""
    n = len(points)
    if n < 3:
        return 0.0, 0.0
    mean_x, mean_y = (math.fsum(p[i] for p in points) / n for i in (0, 1))
    spread = math.fsum((x - mean_x) ** 2 for x, _ in points)
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residual = math.fsum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    from scipy.special import stdtrit

    error = math.sqrt(max(residual, 0.0) / (n - 2) / spread)
    return slope, slope - float(stdtrit(n - 2, 0.99)) * error


def _fates(files: TrialFiles) -> Iterator[Reason]:
    ledger = files.ledger
    if ledger["outstanding"] or not ledger["closed"]:
        text = f"the ledger is open: the fate of {ledger['outstanding']:,} messages is unknown (never confirmed, never delivered)"
        yield Reason("ledger-open", text)
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
            f"the hypervisor took {percent(steal)} of the CPU time away (more than {percent(STEAL)}): repeat on a quieter machine",
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
    if first and last is not None and abs(last - first) > DRIFT * first:
        text = f"unsteady: {first:,.0f} msg/s in the first half of the measured window, {last:,.0f} in the second"
        yield _suspect("unsteady", f"{text} (more than {percent(DRIFT)} apart)")


def _mean(rows: Sequence[Second], column: str) -> float | None:
    values = [float(row[column] or 0.0) for row in rows if row[column] is not None]
    return math.fsum(values) / len(values) if values else None
