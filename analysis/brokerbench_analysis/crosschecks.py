"""Figures that must agree whatever the broker does, each reached on two ways of its own.

integrity.py asks whether the files agree; here, whether what they say can be true of any queue. A check that fails
makes its trial invalid. Sources: J. D. C. Little, A proof for the queuing formula L = λW, Operations Research 9 (1961);
for X R = N, P. Denning and J. Buzen, The operational analysis of queueing network models, Computing Surveys 10 (1978).
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from brokerbench.model import REPLIES

from .churn import consumers_churn
from .folder import Json, TrialFiles
from .histograms import Histogram, merge
from .reasons import Reason, State
from .sums import total
from .words import digits, percent

__all__ = ["Check", "cross_checks", "failures"]

COUNTERS_OFF = 0.01
LITTLE_OFF = 0.05
MEAN_OFF = 0.005  # a histogram's bins are 0.1 % wide
LOOP_OFF = 0.02
FULL = 0.98  # of the slots in use: a full window
_BY_INTEGRITY = {"workers", "intervals"}  # which names each place of a disagreement


@dataclass(frozen=True)
class Check:
    """`limit` is the share of `expected` by which `found` may be off. `text` says what both are, for a reason."""

    name: str
    about: str
    expected: float | None
    found: float | None
    limit: float
    code: str
    text: str
    exact: bool = False  # whether any difference is suspect

    @property
    def off(self) -> float | None:
        if self.expected is None or self.found is None:
            return None
        difference = abs(self.found - self.expected)
        return difference / abs(self.expected) if self.expected else math.inf if difference else 0.0

    @property
    def holds(self) -> bool | None:
        """None where one of the two was not measured."""
        return None if self.off is None else self.off <= self.limit

    def record(self) -> Json:
        names = ("name", "about", "expected", "found", "off", "limit", "holds")
        return {name: getattr(self, name) for name in names}


def cross_checks(files: TrialFiles) -> list[Check]:
    return [
        *_sums(files),
        *_histograms(files),
        *_counters(files),
        *(_littles_law(files) if files.model != "backlog" else ()),  # there is no rate at which it passes through
        *_closed_loop(files),
        *_users(files),
    ]


def failures(checks: Iterable[Check]) -> Iterator[Reason]:
    for check in checks:
        if check.off and check.name not in _BY_INTEGRITY:
            apart = f"{percent(check.off)} apart" if math.isfinite(check.off) else "apart"
            if not check.holds:
                limit = f", {percent(check.limit)} at most" if check.limit else ""
                yield Reason(check.code, f"{check.text} ({apart}{limit})")
            elif check.exact:
                yield Reason(check.code, f"{check.text} ({apart})", State.SUSPECT)


def _sums(files: TrialFiles) -> Iterator[Check]:
    producers, consumers, ledger = files.trial["producers"], files.trial["consumers"], files.ledger
    scheduled = sum(p["scheduled"] for p in producers)
    went = sum(p["sent"] + p["unsent"] for p in producers)
    text = f"{scheduled:,} messages were scheduled, sent and unsent are {went:,}"
    yield Check("scheduled", "sent + unsent", scheduled, went, 0.0, "sums-differ", text)
    fates = ledger["promised"] + ledger["refused"] + ledger["unknown"]
    text = f"{ledger['sent']:,} messages were sent, promised, refused and unknown ones are {fates:,}"
    yield Check("fates", "promised + refused + unknown", ledger["sent"], fates, 0.0, "sums-differ", text)
    total = ledger["sent"] + ledger["delivered"]
    children = sum(p["sent"] for p in producers) + sum(c["delivered"] for c in consumers)
    lines = sum(line["sent" if line["role"] == "producer" else "delivered"] for line in files.intervals)
    for name, found in (("workers", children), ("intervals", lines)):
        yield Check(name, "sent + delivered", total, found, 0.0, "integrity", "")


def _histograms(files: TrialFiles) -> Iterator[Check]:
    for group in files.groups:
        arrived = _in_window(files, group)
        recorded = _histogram(files, f"end_to_end:{group}").total
        text = f"{arrived:,} distinct messages of the window reached group {group}, its histogram holds {recorded:,}"
        yield Check("histogram", f"group {group}", arrived, recorded, 0.0, "sums-differ", text)


def _counters(files: TrialFiles) -> Iterator[Check]:
    """What the broker counted may differ by messages whose fate it never told us, and by what others took."""
    counted: Json = files.trial.get("broker_counters") or {}
    canaries = counted.get("canaries") or {}
    ledger = files.ledger
    most = ledger["sent"] - ledger["refused"]
    published, early = counted.get("published"), canaries.get("published") or 0
    yield _counter("published", None if published is None else published - early, most - ledger["unknown"], most)
    for group, ours in ledger["groups"].items():
        got = (counted.get("delivered") or {}).get(group)
        early = (canaries.get("delivered") or {}).get(group) or 0
        # What was given back was delivered once more; some brokers count that, some do not.
        most = ours["delivered"] + ours["lost"] + ours["outstanding"] + ours.get("returned", 0)
        if consumers_churn(files):
            most = max(most, 0 if got is None else got - early)  # what was read ahead is delivered to the next one too
        about = f"delivered to group {group}"
        yield _counter(about, None if got is None else got - early, ours["delivered"], most)
        if group in (dead := counted.get("dead_lettered") or {}):
            rejected = ours["rejected"]
            yield _counter(f"in the dead-letter queue of group {group}", dead[group], rejected, rejected)


def _counter(about: str, theirs: int | None, low: int, high: int) -> Check:
    """Held against the nearest number that the ledger allows."""
    expected = low if theirs is None else min(max(theirs, low), high)
    ours = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    text = "" if theirs is None else f"the broker counts {theirs:,} messages {about}, the ledger {ours}"
    return Check("broker-counters", about, expected, theirs, COUNTERS_OFF, "counters-differ", text, exact=True)


def _littles_law(files: TrialFiles) -> Iterator[Check]:
    """The mean latency by sums of moments that the two sides kept apart, against the histogram's; then L = λW.

    λ is the throughput as printed, counted by the clock; L comes from the sums. What is under way at the two ends of
    the window may differ by its longest stay, so the limit widens by that share; who was under way at the beginning
    stands in no histogram of the window.
    """
    for group in files.groups:
        histogram = _histogram(files, f"end_to_end:{group}")
        mean_ms, by_sums_ms = histogram.mean_ms(), _mean_by_sums_ms(files, group)
        text = f"the mean end-to-end latency of group {group} is {digits(by_sums_ms, 3)} ms by the sums of its times"
        text += f" of arrival and sending, {digits(mean_ms, 3)} ms by its histogram"
        about, code = f"group {group}", "mean-by-sums"
        yield Check(code, about, by_sums_ms, mean_ms, MEAN_OFF, code, text)
        under_way = by_rate = None
        limit, code = LITTLE_OFF, "littles-law"
        if None not in (by_sums_ms, mean_ms):
            per_s = _by_time(files, group) / files.measure_s
            under_way = _in_window(files, group) / files.measure_s * (by_sums_ms or 0.0) / 1e3
            by_rate = per_s * (mean_ms or 0.0) / 1e3
            limit += _share_at_ends(files, histogram, _consumers(files, group))
        text = (
            f"Little's law does not hold for group {group}: {digits(under_way, 3)} messages were under way on average"
        )
        text += f" by their times of sending and arrival, {digits(by_rate, 3)} by throughput and mean latency"
        yield Check(code, about, under_way, by_rate, limit, code, text)


def _mean_by_sums_ms(files: TrialFiles, group: str) -> float | None:
    """Only where every message of the window that was sent has arrived, so that both sums are over the same messages,
    and no latency was below zero: a histogram counts that as 0, a sum does not."""
    producers, consumers = files.trial["producers"], _consumers(files, group)
    sent = sum(p["in_window"]["sent"] for p in producers)
    due_ns = total(p["in_window"].get("due_sum_ns") for p in producers)
    arrived_ns = total(c.get("in_window_received_sum_ns") for c in consumers)
    missing = sent - _in_window(files, group) or (files.ledger.get("lost_in_window") or {}).get(group, 0)
    negative = any((c.get("negative") or {}).get("end_to_end") for c in consumers)
    if not sent or missing or negative or due_ns is None or arrived_ns is None:
        return None
    return float(arrived_ns - due_ns) / 1e6 / float(sent)


def _closed_loop(files: TrialFiles) -> Iterator[Check]:
    """X R = N where a load saturates by confirms: rate times confirm latency is the number of slots in use.

    A message holds its slot from its intended time, so what waits to be sent is in N beside what is unconfirmed. What
    is under way at the two ends of the window may differ by its longest stay, so the limit widens as that of L = λW.
    """
    if files.model != "saturate" or not (files.confirms or files.answered):
        return
    producers = files.trial["producers"]
    sent, answers = sum(p["in_window"]["sent"] for p in producers), _answers(files)
    delay = _histogram(files, "send_delay")
    mean_ms, waiting_ms = answers.latency.mean_ms(), delay.mean_ms()
    unconfirmed = [p.get("in_flight_mean") for p in producers]
    loop = in_use = None
    limit = LOOP_OFF
    if sent == answers.in_window and None not in (mean_ms, waiting_ms, *unconfirmed):
        loop = answers.by_time / files.measure_s * (mean_ms or 0.0) / 1e3
        waiting = sum(p["sent_by_time"] for p in producers) / files.measure_s * (waiting_ms or 0.0) / 1e3
        in_use = math.fsum(n or 0.0 for n in unconfirmed) + waiting
        limit += _share_at_ends(files, answers.latency, answers.counted_by)
    words = f"X R = N does not hold: {answers.rate} times {answers.mean} makes {digits(loop, 3)} messages"
    text = f"{words}, {digits(in_use, 3)} were in flight"
    yield Check("closed-loop", "messages in flight", in_use, loop, limit, "closed-loop", text)
    slots = (files.in_flight or 0) * len(producers)
    full = in_use is not None and in_use >= FULL * slots > 0
    text = f"{words}, the load keeps {slots:,} in flight"
    yield Check("closed-loop", "a full window", slots if full else None, loop, limit, "closed-loop", text)


@dataclass(frozen=True)
class _Answers:
    """What a closed or saturating load goes on with: confirms, or the replies."""

    latency: Histogram
    in_window: int  # answered, of those intended in the window
    by_time: int  # answered within the window, by the clock
    counted_by: list[Json]  # the children whose answers these are
    rate: str
    mean: str


def _answers(files: TrialFiles) -> _Answers:
    if files.answered:
        latency, by_time = _histogram(files, f"end_to_end:{REPLIES}"), _by_time(files, REPLIES)
        came, who = _in_window(files, REPLIES), _consumers(files, REPLIES)
        return _Answers(latency, came, by_time, who, "the rate of replies", "mean response")
    producers = files.trial["producers"]
    latency, by_time = _histogram(files, "confirm"), sum(p["confirmed_by_time"] for p in producers)
    confirmed = sum(p["in_window"]["confirmed"] for p in producers)
    return _Answers(latency, confirmed, by_time, producers, "confirmed rate", "mean confirm latency")


def _users(files: TrialFiles) -> Iterator[Check]:
    """X (R + Z) = N of a closed load: each user either waits for an answer or thinks.

    X is counted by the clock, R and Z by the intended time, and at each end of the window every user is somewhere in a
    round: the requests of the window have times and answers from beyond it, and others have some in it. The producers
    count both, and here the difference is taken off. Then it holds for any window, whoever stood still and when.
    """
    users = (files.trial.get("load") or {}).get("users")
    if users is None:
        return
    producers = files.trial["producers"]
    answers = _answers(files)
    response_ms = answers.latency.mean_ms()
    names = ("thoughts", "thought_ns", "thought_ends_ns", "waited_ends_ns", "answered_ends")
    counted = [total(p.get(name) for p in producers) for name in names]
    found = None
    waits = ("given_up",) if files.answered else ("refused", "unknown")
    without = any(p.get(name) for p in producers for name in waits)  # users who went on, and R knows nothing of it
    if None not in (response_ms, *counted) and counted[0] and not without:
        thoughts, thought_ns, thought_ends_ns, waited_ends_ns, answered_ends = (float(n or 0) for n in counted)
        round_s = (response_ms or 0.0) / 1e3 + thought_ns / 1e9 / thoughts
        user_s = (answers.by_time + answered_ends) * round_s - (thought_ends_ns + waited_ends_ns) / 1e9
        found = user_s / files.measure_s
    text = f"X (R + Z) = N does not hold: {answers.rate} times response and think time makes {digits(found, 4)} users"
    yield Check("users", "closed load", users, found, LOOP_OFF, "users", f"{text}, the load has {users:,}")


def _in_window(files: TrialFiles, group: str) -> int:
    return sum(c["in_window"] for c in _consumers(files, group))


def _by_time(files: TrialFiles, group: str) -> int:
    return sum(c["unique_by_time"] for c in _consumers(files, group))


def _share_at_ends(files: TrialFiles, latency: Histogram, counted_by: Iterable[Json]) -> float:
    """Of the window: what may have been under way at its two ends. The longest latency of its messages, their mean, and
    the longest that reached into it from before, which stands in no histogram of it."""
    carried_ms = max((child.get("carried_in_max_ns") or 0 for child in counted_by), default=0) / 1e6
    return ((latency.mean_ms() or 0.0) + (latency.max_ms() or 0.0) + carried_ms) / 1e3 / files.measure_s


def _consumers(files: TrialFiles, group: str) -> list[Json]:
    return [c for c in files.trial["consumers"] if c["group"] == group]


def _histogram(files: TrialFiles, tag: str) -> Histogram:
    return merge(interval.histogram for interval in files.latency.get(tag, ()))
