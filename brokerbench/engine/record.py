"""What a trial leaves behind, as docs/run-folder.md has it: totals of the children, fates, intervals, histograms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from brokerbench.contract import Counters
from brokerbench.model import Plan, Trial

from .fleet import Child
from .folder import TrialFolder, now_iso
from .hlog import HlogLine, write_hlog
from .ledger import KEPT_IDS, GroupFates

__all__ = ["Measured", "write_trial"]

_SENT = ("scheduled", "sent", "confirmed", "refused")
_RECEIVED = ("delivered", "unique", "foreign", "corrupt", "redelivered")
_RECEIVED_TOTALS = (
    "returned",
    "rejected",
    "delivered_by_time",
    "unique_by_time",
    "in_window",
    "in_window_received_sum_ns",
    "carried_in_max_ns",
    "duplicates_flagged",
    "by_one",
    "bodies_checked",
    "bodies_wrong",
)


_REPLIES = ("replies_sent", "replies_confirmed", "replies_refused")


@dataclass
class Measured:
    """Filled in as the trial goes on; what was not reached stays None."""

    confirming: bool
    children: list[Child] = field(default_factory=list)
    t0_ns: int = 0
    fates: dict[str, GroupFates] | None = None
    counters: Counters | None = None
    facts: Mapping[str, str] | None = None
    resources: list[dict[str, Any]] = field(default_factory=list)
    readings: list[dict[str, Any]] = field(default_factory=list)
    contamination: Mapping[str, Any] | None = None
    drain_s: float | None = None
    drain_closed: bool = False
    released_ns: int | None = None  # of a backlog: when consumers were let at it, since t0

    def of(self, role: str) -> list[Child]:
        return [child for child in self.children if child.spec.role == role]

    def canaries(self) -> Counters:
        """Readiness messages: in the broker's counters, in no figure of ours."""
        published = sum(child.done["totals"]["canaries"] for child in self.of("producer") if child.done)
        delivered: dict[str, int | None] = {}
        for child in self.of("consumer"):
            if child.done:
                group = str(child.spec.group)
                delivered[group] = (delivered.get(group) or 0) + child.done["totals"]["canaries"]
        return Counters(published, delivered)

    def expected_counters(self) -> Counters:
        """What the broker's own counters should say."""
        canaries = self.canaries()
        accepted = sum(c.done["totals"]["sent"] - c.done["totals"]["refused"] for c in self.of("producer") if c.done)
        delivered = dict(canaries.delivered)
        rejected: dict[str, int | None] = {}
        for child in self.of("consumer"):
            if child.done:
                group = str(child.spec.group)
                delivered[group] = (delivered.get(group) or 0) + child.done["totals"].get("delivered", 0)
                rejected[group] = (rejected.get(group) or 0) + child.done["totals"].get("rejected", 0)
        return Counters((canaries.published or 0) + accepted, delivered, dead_lettered=rejected)

    def returned(self, group: str) -> int:
        """Deliveries that were given back. Some brokers count them once more when they come again, some do not."""
        theirs = [child.done for child in self.of("consumer") if child.done and child.spec.group == group]
        return sum(done["totals"].get("returned", 0) for done in theirs)


def write_trial(
    folder: TrialFolder, plan: Plan, trial: Trial, measured: Measured, started: str, state: str, reason: str | None
) -> None:
    load = plan.scenario.load
    folder.lines("intervals.jsonl", _intervals(measured))
    folder.lines("resources.jsonl", measured.resources)
    folder.lines("broker.jsonl", measured.readings)
    folder.lines("events.jsonl", _events(measured))
    write_hlog(folder.path / "latency.hlog", _histograms(measured))
    if measured.fates is not None:
        folder.json("ledger.json", _ledger(measured, measured.fates))
    folder.json("facts.json", dict(measured.facts or {}))
    folder.finish(
        {
            "schema": 1,
            "id": trial.id,
            "block": trial.block,
            "order": trial.order,
            "candidate": trial.candidate,
            "tag": trial.tag,
            "started": started,
            "finished": now_iso(),
            "t0_monotonic_ns": measured.t0_ns or None,
            "kind": trial.kind,
            "repeats": trial.repeats,
            "state": state,
            "reason": reason,
            "pattern": plan.scenario.topology.pattern.value,
            "load": {
                "model": load.model.value,
                "arrivals": load.arrivals,
                "rate_msgs_s": load.rate_msgs_s,
                "varies": load.varies,
                "users": load.users,
            },
            "phases": {
                "warmup_s": load.warmup_s,
                "measure_s": load.measure_s,
                "drain_s": measured.drain_s,
                "drain_closed": measured.drain_closed,
            },
            "backlog": _backlog(measured),
            "contamination": measured.contamination,
            "in_flight_by": "confirms" if measured.confirming else "back-pressure",
            "producers": [_producer(child) for child in measured.of("producer") if child.done],
            "consumers": [_consumer(child) for child in measured.of("consumer") if child.done],
            "broker_counters": _counters(measured),
            "foreign_ids": [i for c in measured.of("consumer") if c.done for i in c.done["foreign_ids"]][:KEPT_IDS],
        }
    )


def _backlog(measured: Measured) -> dict[str, Any] | None:
    """When it was filled and when consumers were let at it; None where there is none."""
    if measured.released_ns is None:
        return None
    producers = [child for child in measured.of("producer") if child.done]
    return {
        "asked": sum(child.spec.most or 0 for child in producers),
        "filled_s": max(child.done["totals"]["answered_s"] for child in producers if child.done),
        "released_s": round(measured.released_ns / 1e9, 6),
    }


def _producer(child: Child) -> dict[str, Any]:
    done = child.done or {}
    return {"child": child.spec.name, "index": child.spec.index, **done["totals"], **done["usage"]}


def _consumer(child: Child) -> dict[str, Any]:
    done = child.done or {}
    totals = done["totals"]
    names = (*_RECEIVED, *_RECEIVED_TOTALS)
    return {
        "child": child.spec.name,
        "group": child.spec.group,
        "index": child.spec.index,
        **{name: totals.get(name, 0) for name in names},
        **{name: totals[name] for name in _REPLIES if name in totals},
        "reordered": totals.get("reordered", 0) if child.spec.ordered else None,
        "first_received_s": totals["first_received_s"],
        "last_received_s": totals["last_received_s"],
        "working_share": totals["working_share"],
        "canaries": totals["canaries"],
        "churn": totals["churn"],
        "negative": totals["negative"],
        **done["usage"],
    }


def _counters(measured: Measured) -> dict[str, Any] | None:
    if measured.counters is None:
        return None
    canaries = measured.canaries()
    return {
        "published": measured.counters.published,
        "delivered": dict(measured.counters.delivered),
        "stored": measured.counters.stored,
        "dead_lettered": dict(measured.counters.dead_lettered),
        "canaries": {"published": canaries.published, "delivered": dict(canaries.delivered)},
    }


def _intervals(measured: Measured) -> Iterator[dict[str, Any]]:
    for child in measured.children:
        producing = child.spec.role == "producer"
        for interval in child.intervals:
            counts = interval["counts"]
            line = {"t": interval["t"], "child": child.spec.name, "role": child.spec.role, "group": child.spec.group}
            line.update({name: counts.get(name, 0) for name in (_SENT if producing else _RECEIVED)})
            if producing:
                line["outstanding"] = interval["gauges"]["outstanding"]
            yield {**line, "cpu_s": interval["cpu_s"]}


def _events(measured: Measured) -> list[dict[str, Any]]:
    events = [
        {
            "t": round((event["at_ns"] - measured.t0_ns) / 1e9, 3) if measured.t0_ns else None,
            "child": child.spec.name,
            "kind": event["kind"],
            "text": event["text"],
        }
        for child in measured.children
        for event in child.events
    ]
    return sorted(events, key=lambda e: e["t"] or 0.0)


def _histograms(measured: Measured) -> Iterator[HlogLine]:
    for child in measured.children:
        before = 0.0
        for interval in child.intervals:
            for name, counts in interval["histograms"].items():
                tag = f"{name}:{child.spec.group}" if child.spec.group else name
                yield tag, before, interval["t"] - before, counts
            before = interval["t"]


def _ledger(measured: Measured, fates: Mapping[str, GroupFates]) -> dict[str, Any]:
    producers = [_sent_row(child) for child in measured.of("producer") if child.done]
    sent = {
        name: sum(row[name] for row in producers) for name in ("scheduled", "sent", "confirmed", "refused", "unknown")
    }
    groups = {name: _group_row(measured, name, group) for name, group in fates.items()}
    sums = ["expected", "delivered", "unique", "lost", "duplicates", "redelivered", "outstanding", "recovered"]
    sums += ["returned", "rejected"]
    orders = [row["reordered"] for row in groups.values()]
    return {
        "closed": all(g.outstanding == 0 and g.phantom == 0 for g in fates.values()),
        **sent,
        "promised": sent["confirmed"] if measured.confirming else sent["sent"],
        **{name: sum(row[name] for row in groups.values()) for name in sums},
        "reordered": None if any(n is None for n in orders) else sum(orders),
        "foreign": sum(row["foreign"] for row in groups.values()),
        "corrupt": sum(row["corrupt"] for row in groups.values()),
        "answered_twice": sum((c.done or {})["totals"]["answered_twice"] for c in measured.of("producer") if c.done),
        "lost_in_window": {name: group.lost_in_window for name, group in fates.items()},
        "groups": groups,
        "producers": producers,
    }


def _sent_row(child: Child) -> dict[str, int]:
    totals = (child.done or {})["totals"]
    names = ("scheduled", "sent", "confirmed", "refused", "unknown")
    return {"producer": child.spec.index, **{name: totals[name] for name in names}}


def _group_row(measured: Measured, name: str, fates: GroupFates) -> dict[str, Any]:
    consumers = [_consumer(c) for c in measured.of("consumer") if c.done and c.spec.group == name]
    delivered = sum(c["delivered"] for c in consumers)
    orders = [c["reordered"] for c in consumers]
    theirs = [c.done for c in measured.of("consumer") if c.done and c.spec.group == name]
    seen = {fate: [i for done in theirs for i in done["ids"][fate]] for fate in ("duplicates", "reordered", "corrupt")}
    ids = {fate: (fates.ids.get(fate, []) + seen.get(fate, []))[:KEPT_IDS] for fate in {**fates.ids, **seen}}
    return {
        "expected": fates.expected,
        "delivered": delivered,
        "unique": fates.unique,
        "lost": fates.lost,
        "duplicates": delivered - fates.unique,
        "duplicates_flagged": _flagged(consumers, delivered - fates.unique),
        "redelivered": sum(c["redelivered"] for c in consumers),
        "returned": sum(c["returned"] for c in consumers),
        "rejected": sum(c["rejected"] for c in consumers),
        "reordered": None if None in orders else sum(orders),
        "outstanding": fates.outstanding,
        "recovered": fates.recovered,
        "refused_delivered": fates.refused_delivered,
        "foreign": sum(c["foreign"] for c in consumers),
        "corrupt": sum(c["corrupt"] for c in consumers),
        "fates": fates.fates,
        "ids": {**ids, "foreign": [i for done in theirs for i in done["foreign_ids"]][:KEPT_IDS]},
    }


def _flagged(consumers: Sequence[Mapping[str, Any]], duplicates: int) -> int | None:
    """Duplicates that the broker told as such. A consumer knows only its own; None where another one got the first."""
    own = sum(c["delivered"] - c["unique"] for c in consumers)
    return sum(c["duplicates_flagged"] for c in consumers) if own == duplicates else None
