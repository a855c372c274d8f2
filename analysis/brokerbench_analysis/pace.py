"""Did generator and broker keep the pace? And whose limit was it: a slow generator tells nothing of a broker."""

import math
from collections.abc import Iterator, Sequence

from .folder import TrialFiles
from .reasons import Reason
from .seconds import Second
from .words import counted, digits, percent

__all__ = ["backlog_growing", "generator_busy", "lost_a_second", "rate_reached"]

SENT_SHARE = 0.99  # of the schedule
DELIVERED_SHARE = 0.98  # of the asked rate
BUSY = 0.80  # of one core
BACKLOG_SHARE = 0.01  # growth, of the rate


def rate_reached(files: TrialFiles) -> Iterator[Reason]:
    producers, consumers = files.trial["producers"], files.trial["consumers"]
    scheduled, sent = (sum(p["in_window"][name] for p in producers) for name in ("scheduled", "sent"))
    least = min(sent, sum(p["sent_by_time"] for p in producers))
    if least < SENT_SHARE * scheduled:
        text = f"rate not reached: {least:,} of {scheduled:,} messages were sent in the measured window"
        yield Reason("rate-not-reached", f"{text}; {_whose_limit(files)}")
    asked = files.rate_msgs_s or scheduled / files.measure_s
    for group in files.groups:
        got = sum(c["unique_by_time"] for c in consumers if c["group"] == group) / files.measure_s
        if got + lost_a_second(files, group) < DELIVERED_SHARE * asked:
            text = f"not sustained: group {group} got {digits(got, 3)} of {counted(asked)} msg/s asked for"
            yield Reason("not-sustained", f"{text}; the broker or the group's consumers did not keep up")


def _whose_limit(files: TrialFiles) -> str:
    worst = max((p["busy_share"] or 0.0 for p in files.trial["producers"]), default=0.0)
    if worst > BUSY:
        return f"the generator's own limit: a producer's core was {percent(worst)} busy; use more producers"
    return f"the producers had time left ({percent(worst)} busy): the broker took no more, or in_flight is too small"


def lost_a_second(files: TrialFiles, group: str | None = None) -> float:
    """Messages lost in the window; of one group, or the mean over groups."""
    lost = files.ledger.get("lost_in_window") or {}
    names = files.groups if group is None else (group,)
    return float(sum(lost.get(name, 0) for name in names)) / max(len(names), 1) / files.measure_s


def generator_busy(files: TrialFiles) -> Iterator[Reason]:
    for child in (*files.trial["producers"], *files.trial["consumers"]):
        share = child["busy_share"]
        if share is not None and share > BUSY:
            text = f"the generator is near its limit: {child['child']} kept its core {percent(share)} busy"
            yield Reason("generator-busy", f"{text} (more than {percent(BUSY)}); use more of its kind")


def backlog_growing(files: TrialFiles, steady: Sequence[Second]) -> Iterator[Reason]:
    points = [(float(row["t"] or 0), float(row["backlog"])) for row in steady if isinstance(row["backlog"], float)]
    slope, low = _slope(points)
    rate = files.rate_msgs_s or sum(p["sent_by_time"] for p in files.trial["producers"]) / files.measure_s
    # Messages that were lost never leave the backlog; they are the ledger's to tell.
    lost = lost_a_second(files)
    growth = slope - lost
    if low > lost and growth > BACKLOG_SHARE * rate:
        text = f"the backlog grew by {digits(growth)} messages a second ({percent(growth / rate)} of the rate)"
        yield Reason("backlog-growing", f"{text}: latency there tells how long the test was")


def _slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Least squares slope and the lower end of its one-sided 99 % interval; zero where three points are not there."""
    n = len(points)
    if n < 3:
        return 0.0, 0.0
    mean_x, mean_y = (math.fsum(p[i] for p in points) / n for i in (0, 1))
    spread = math.fsum((x - mean_x) ** 2 for x, _ in points)
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    from scipy.special import stdtrit

    residual = math.fsum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    error = math.sqrt(max(residual, 0.0) / (n - 2) / spread)
    return slope, slope - float(stdtrit(n - 2, 0.99)) * error
