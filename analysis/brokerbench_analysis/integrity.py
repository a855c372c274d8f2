"""Do the files of a trial agree with each other? Both figures of every disagreement are named.

Counts are kept on several sides (children's totals, interval lines, histograms, ledger), written by different
processes, so an edit or a bug on one side shows on the others. The identities are those of docs/run-folder.md; what
must be true of any queue is in crosschecks.py.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .folder import Json, TrialFiles
from .reasons import Reason
from .sums import Matrix, total

__all__ = ["check"]

_PRODUCER = ("scheduled", "sent", "confirmed", "refused")
_CONSUMER = ("delivered", "unique", "redelivered", "foreign", "corrupt")
_GROUP = ("expected", "delivered", "unique", "lost", "duplicates", "outstanding", "recovered")
_CHILDREN = ("redelivered", "foreign", "corrupt")
_GIVEN_AWAY = ("returned", "rejected")  # by consumers that are asked to; older folders have neither
_ROUNDED_S = 0.001  # the ends of intervals are written in whole milliseconds


def check(files: TrialFiles) -> tuple[Reason, ...]:
    """Every disagreement found; empty for a sound trial."""
    return tuple(
        Reason("integrity", text)
        for found in (
            _identity(files),
            _intervals(files),
            _by_time(files),
            _ledger_sums(files),
            _ledger_and_children(files),
            _latency(files),
        )
        for text in found
    )


def _identity(files: TrialFiles) -> Iterator[str]:
    for key in ("id", "candidate", "tag", "block", "kind", "repeats", "state"):
        yield from _same(f"trial.json: {key}", files.trial.get(key), "run.json", files.entry.get(key))


def _intervals(files: TrialFiles) -> Iterator[str]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in files.intervals:
        for name in _PRODUCER if line["role"] == "producer" else _CONSUMER:
            sums[line["child"]][name] += line[name]
    for side, names in (("producers", _PRODUCER), ("consumers", _CONSUMER)):
        for child in files.trial[side]:
            found = sums.pop(child["child"], {})
            for name in names:
                what = f"intervals.jsonl: {name} of {child['child']}"
                yield from _same(what, found.get(name, 0), "trial.json", child[name])
    for child_name in sums:
        yield f"intervals.jsonl has lines of {child_name}, which trial.json does not know"


def _by_time(files: TrialFiles) -> Iterator[str]:
    """Throughput's counts: what happened in the measured window is at most what was counted since it began."""
    since: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in files.intervals:
        if line["t"] >= files.warmup_s - _ROUNDED_S:
            for name in _PRODUCER if line["role"] == "producer" else _CONSUMER:
                since[line["child"]][name] += line[name]
    for side, names in (("producers", ("sent", "confirmed")), ("consumers", ("delivered", "unique"))):
        for child in files.trial[side]:
            for name in names:
                what = f"trial.json: {name}_by_time of {child['child']}"
                most = since[child["child"]][name]
                yield from _within(what, child[f"{name}_by_time"], "intervals.jsonl since the warm-up", 0, most)


def _ledger_sums(files: TrialFiles) -> Iterator[str]:
    ledger = files.ledger
    for name in (*_GROUP, *_CHILDREN, "reordered"):
        groups = total(group[name] for group in ledger["groups"].values())
        yield from _same(f"ledger.json: {name}", ledger[name], "the sum over its groups", groups)
    for name in _GIVEN_AWAY:
        groups = sum(group.get(name, 0) for group in ledger["groups"].values())
        yield from _same(f"ledger.json: {name}", ledger.get(name, 0), "the sum over its groups", groups)
    for name in ("scheduled", "sent", "confirmed", "refused", "unknown"):
        producers = sum(producer[name] for producer in ledger["producers"])
        yield from _same(f"ledger.json: {name}", ledger[name], "the sum over its producers", producers)
    for name, group in ledger["groups"].items():
        yield from _group_sums(f"ledger.json: group {name}", group, ledger)
    if ledger["closed"] and ledger["outstanding"]:
        yield f"ledger.json says closed, with {ledger['outstanding']:,} messages outstanding"


def _group_sums(what: str, group: Json, ledger: Json) -> Iterator[str]:
    yield from _same(f"{what}: expected", group["expected"], "promised", ledger["promised"])
    doubles = group["delivered"] - group["unique"]
    yield from _same(f"{what}: duplicates", group["duplicates"], "delivered - unique", doubles)
    open_fates = group["outstanding"] + group["recovered"]
    yield from _same(f"{what}: outstanding + recovered", open_fates, "unknown", ledger["unknown"])
    owed = group["expected"] - group["lost"] + group["recovered"]
    # A broker may refuse a message and deliver it all the same.
    all_the_same = group.get("refused_delivered")
    low, high = (owed, owed + ledger["refused"]) if all_the_same is None else (owed + all_the_same, owed + all_the_same)
    yield from _within(f"{what}: unique", group["unique"], "expected - lost + recovered", low, high)
    for fate in ("lost", "outstanding", "recovered"):
        kept = min(100, group[fate])
        yield from _same(
            f"{what}: ids of {fate} messages", len(group["ids"][fate]), "their number (the first 100)", kept
        )
    yield from _fates(what, group, ledger)


def _fates(what: str, group: Json, ledger: Json) -> Iterator[str]:
    """Each cell of the matrix is a figure of the ledger, or a part of one."""
    fates: Matrix | None = group.get("fates")
    if fates is None:
        return
    owed = "confirmed" if "confirmed" in fates else "handed-over"
    cells = (
        (owed, "absent", "lost", group["lost"]),
        ("unknown", "delivered", "recovered", group["recovered"]),
        ("unknown", "absent", "outstanding", group["outstanding"]),
        ("refused", "delivered", "refused_delivered", group.get("refused_delivered")),
    )
    for told, became, name, number in cells:
        if told in fates:
            yield from _same(f"{what}: fates, {told} and {became}", fates[told][became], name, number)
    for told, name in ((owed, "promised"), ("refused", "refused"), ("unknown", "unknown")):
        if told in fates:
            yield from _same(f"{what}: fates, all {told}", sum(fates[told].values()), name, ledger[name])
    arrived = sum(row["delivered"] for row in fates.values())
    yield from _same(f"{what}: fates, all delivered", arrived, "unique", group["unique"])


def _ledger_and_children(files: TrialFiles) -> Iterator[str]:
    producers, consumers = files.trial["producers"], files.trial["consumers"]
    for name in (*_PRODUCER, "unknown"):
        yield from _same(f"ledger.json: {name}", files.ledger[name], "trial.json", sum(p[name] for p in producers))
    answered = [p["answered_twice"] for p in producers if "answered_twice" in p]
    if answered and "answered_twice" in files.ledger:
        yield from _same("ledger.json: answered_twice", files.ledger["answered_twice"], "trial.json", sum(answered))
    waiting = [p for p in producers if "replied" in p]  # whose load went on with the replies
    ended = sum(p["replied"] + p["given_up"] for p in waiting)
    yield from _same("trial.json: replied and given up", ended, "sent by these", sum(p["sent"] for p in waiting))
    rows = [row["producer"] for row in files.ledger["producers"]]
    yield from _same("ledger.json: its producers", rows, "trial.json", [p["index"] for p in producers])
    for group, figures in files.ledger["groups"].items():
        children = [c for c in consumers if c["group"] == group]
        for name in ("delivered", *_CHILDREN, "reordered"):
            what = f"ledger.json: {name} of group {group}"
            yield from _same(what, figures[name], "trial.json", total(c[name] for c in children))
        for name in _GIVEN_AWAY:
            what = f"ledger.json: {name} of group {group}"
            yield from _same(what, figures.get(name, 0), "trial.json", sum(c.get(name, 0) for c in children))
        flagged = figures.get("duplicates_flagged")
        if flagged is not None:
            what = f"ledger.json: duplicates_flagged of group {group}"
            yield from _same(what, flagged, "trial.json", total(c.get("duplicates_flagged") for c in children))
            yield from _within(what, flagged, "their duplicates", 0, figures["duplicates"])
        # Two consumers may each count a message that both got as their own first.
        most = sum(c["unique"] for c in children)
        yield from _within(f"ledger.json: unique of group {group}", figures["unique"], "trial.json", 0, most)
    strangers = sorted({c["group"] for c in consumers} ^ set(files.ledger["groups"]))
    if strangers:
        yield f"ledger.json and trial.json do not name the same groups: {', '.join(strangers)}"


def _latency(files: TrialFiles) -> Iterator[str]:
    """The log counts each message of the measured window once for each thing that happened to it."""
    window = {name: sum(p["in_window"][name] for p in files.trial["producers"]) for name in _PRODUCER}
    counts = {tag: sum(i.histogram.total for i in intervals) for tag, intervals in files.latency.items()}
    groups = files.ledger["groups"]
    for tag in counts.keys() - {"send_delay", "confirm", "service", *(f"end_to_end:{g}" for g in groups)}:
        yield f"latency.hlog has a tag {tag!r}, which the ledger does not know"
    yield from _same(
        "latency.hlog: send_delay values", counts.get("send_delay", 0), "sent in the window", window["sent"]
    )
    if window["confirmed"] or "confirm" in counts:
        confirmed = counts.get("confirm", 0)
        yield from _same("latency.hlog: confirm values", confirmed, "confirmed in the window", window["confirmed"])
    if "service" in counts and files.answered:
        replied = sum(p["replied_in_window"] for p in files.trial["producers"])
        yield from _same("latency.hlog: service values", counts["service"], "replied in the window", replied)
    elif "service" in counts:
        yield from _same("latency.hlog: service values", counts["service"], "confirm values", counts.get("confirm", 0))
    handed_over = not files.ledger["confirmed"] and files.ledger["promised"]
    for name, group in groups.items():
        recorded = counts.get(f"end_to_end:{name}", 0)
        lost = int((files.ledger.get("lost_in_window") or {}).get(name, 0))
        promised = window["sent"] if handed_over else window["confirmed"]
        # Unknown and refused messages may have arrived too; a message that came twice may be counted twice.
        yield from _within(
            f"latency.hlog: end_to_end values of group {name}",
            recorded,
            "the ledger's delivered in the window",
            promised - lost,
            window["sent"] - lost + group["duplicates"],
        )


def _same(what: str, found: Any, other: str, expected: Any) -> Iterator[str]:
    if found != expected:
        yield f"{what} is {_number(found)}, {other} says {_number(expected)}"


def _within(what: str, found: int, other: str, low: int, high: int) -> Iterator[str]:
    if not low <= found <= high:
        says = _number(low) if low == high else f"{_number(low)} to {_number(high)}"
        yield f"{what} is {_number(found)}, {other} says {says}"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
