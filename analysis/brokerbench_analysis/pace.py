"""Did generator and broker keep the pace? And whose limit was it: a slow generator tells nothing of a broker."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from .consuming import at_work
from .folder import TrialFiles
from .generator import busiest, client_bound, doubt, unsent, watched
from .reasons import Reason
from .seconds import Second
from .words import counted, digits, percent

__all__ = ["backlog_growing", "lost_a_second", "rate_reached"]

DELIVERED_SHARE = 0.98  # of the schedule
BACKLOG_SHARE = 0.01  # growth, of the rate


def rate_reached(files: TrialFiles, steady: Sequence[Second]) -> Iterator[Reason]:
    """Of an open load. Where the generator could not send it, nothing is said of what the broker got."""
    short = unsent(files)
    if short is not None:
        text = f"rate not reached: {short[0]:,} of {short[1]:,} messages were sent in the measured window"
        _, share = busiest(files.trial["producers"])
        room = f"the producers had time left ({percent(share or 0.0)} busy): the broker took no more,"
        yield _unkept("rate-not-reached", f"{text}; {_whose_limit(files, f'{room} or in_flight is too small')}", files)
    if client_bound(files):
        return
    # The schedule as it was drawn: a random one has a few messages more or less than the rate asks for.
    asked = sum(p["in_window"]["scheduled"] for p in files.trial["producers"]) / files.measure_s
    for group in files.groups:
        got = sum(c["unique_by_time"] for c in files.trial["consumers"] if c["group"] == group) / files.measure_s
        if got + lost_a_second(files, group) < DELIVERED_SHARE * asked:
            text = f"{_head(files)}: group {group} got {digits(got, 3)} of {counted(asked)} msg/s asked for"
            whose = at_work(files, group) or _whose_limit(files, "the broker or the group's consumers did not keep up")
            yield _unkept("not-sustained", f"{text}, and {_waiting(steady)}; {whose}", files, group)


def _unkept(code: str, text: str, files: TrialFiles, group: str | None = None) -> Reason:
    """The broker's own doing unless the generator is seen to have had no room, or its consumers asked to be slow."""
    return Reason(code, text, brokers=doubt(files) is None and at_work(files, group) is None)


def _head(files: TrialFiles) -> str:
    """A rate is called unsustainable where the generator is not seen to be what did not sustain it."""
    return "unsustainable" if doubt(files) is None else "not sustained"


def _whose_limit(files: TrialFiles, brokers: str) -> str:
    """`brokers`: the words where every child of the generator had room to spare."""
    shown = doubt(files)
    if client_bound(files):
        _, share = busiest(files.trial["producers"])
        return (
            f"client-bound: a producer was busy {percent(share or 0.0)} of the time, so it says nothing of the broker"
        )
    if shown is not None:
        return f"{shown}, so whose limit it was stays open"
    if not watched(files.children):
        return "how busy the generator was is not measured, so whose limit it was stays open"
    return brokers


def lost_a_second(files: TrialFiles, group: str | None = None) -> float:
    """Messages lost in the window; of one group, or the mean over groups."""
    lost = files.ledger.get("lost_in_window") or {}
    names = files.groups if group is None else (group,)
    return float(sum(lost.get(name, 0) for name in names)) / max(len(names), 1) / files.measure_s


def backlog_growing(files: TrialFiles, steady: Sequence[Second]) -> Iterator[Reason]:
    backlog = [row["backlog"] for row in steady if isinstance(row["backlog"], float)]
    growth, least = _growth(backlog)
    rate = sum(p["in_window"]["scheduled"] for p in files.trial["producers"]) / files.measure_s
    # Messages that were lost never leave the backlog; they are the ledger's to tell.
    lost = lost_a_second(files)
    growth -= lost
    if least > lost and growth > BACKLOG_SHARE * rate and not client_bound(files):
        text = f"{_head(files)}: the backlog grew by {digits(growth)} messages a second ({percent(growth / rate)} of"
        text += f" the rate), and {_waiting(steady)}: latency there tells how long the test was"
        slow, shown = at_work(files), doubt(files)
        text += f"; {slow}" if slow else ""
        text += f"; {shown}, so whose limit it was stays open" if shown else ""
        yield _unkept("backlog-growing", text, files)


def _waiting(steady: Sequence[Second]) -> str:
    backlog = steady[-1]["backlog"] if steady else None
    number = f"{backlog:,.0f} messages" if isinstance(backlog, float) else "an unmeasured number of messages"
    return f"{number} were waiting when the measured window ended"


def _growth(backlog: Sequence[float]) -> tuple[float, float]:
    """The mean step from second to second and the lower end of its one-sided 99 % interval (Student's t).

    A queue that cannot keep up is a random walk with a drift: its levels depend on each other, its steps do not, so the
    steps are tested. On a queue that is steady this errs on the side of finding nothing.
    """
    from scipy.special import stdtrit

    steps = [after - before for before, after in pairwise(backlog)]
    n = len(steps)
    if n < 2:
        return 0.0, 0.0
    mean = math.fsum(steps) / n
    error = math.sqrt(math.fsum((step - mean) ** 2 for step in steps) / (n - 1) / n)
    return mean, mean - float(stdtrit(n - 1, 0.99)) * error
