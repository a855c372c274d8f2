"""A seeded model of a broker, and the files of one trial with it, as docs/run-folder.md has them.

Messages are the rows of arrays, and every counter follows from them, so a sound trial is sound on all sides.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

__all__ = ["CEILING", "Behaviour", "Broker", "Json", "Trial"]

Json = dict[str, Any]
HIGHEST_NS = 39 * 3600 * 10**9
CEILING: Json = {
    "producers_msgs_s": 1e6,
    "consumers_msgs_s": 2e6,
    "producers_busy": 0.99,
    "consumers_busy": 0.99,
    "measured": "2026-11-23T16:59:00+00:00",
    "cached": False,
    "reason": None,
}


@dataclass(frozen=True)
class Behaviour:
    """How one candidate's trials go. Rates in msg/s, times in ms; shares of 1."""

    end_to_end_ms: float = 2.0
    confirm_ms: float = 1.0
    sigma: float = 0.3  # of the log latencies inside a trial
    spread: float = 0.03  # of the log medians between trials
    confirms: bool = True
    lost: int = 0  # promised messages of the window that never arrive, for each group
    unknown: int = 0  # never confirmed; half of them arrive all the same
    refused: int = 0  # half of them arrive all the same
    duplicates: int = 0
    unflagged: int = 0  # of the duplicates, those without the broker's redelivered flag
    foreign: int = 0
    corrupt: int = 0
    unsent_share: float = 0.0  # of what was scheduled in the window
    delivered_share: float = 1.0  # of the rate that consumers manage; the rest comes in the drain
    drift: float = 0.0  # deliveries of the second half, relative to the first
    slower: float = 0.0  # by this share the end-to-end latency grows over the measured window
    producer_busy: float = 0.2
    consumer_busy: float = 0.2
    steal: float = 0.0
    throttled: float = 0.0
    pauses_ms: Mapping[str, Sequence[float]] = field(default_factory=dict)  # child -> its hiccups
    bystanders: float = 0.0
    negative: int = 0
    counter_off: int = 0  # what the broker's own counter says too little
    counters: bool = True
    broker_cpu: float | None = 0.3
    exact_ms: Sequence[float] | None = None  # these latencies, in order, instead of drawn ones
    idle: int = 0  # of each group's consumers, those that get nothing
    working: float | None = None  # share of the window that a consumer works on messages


@dataclass(frozen=True)
class Broker:
    name: str
    behaviour: Behaviour = Behaviour()
    role: str = "candidate"
    guarantee: str = "at-least-once"
    survives: str = "nothing"
    excluded: str | None = None
    version: str = "1.0.0"
    support_ends: str | None = None
    needs: Sequence[Json] = ()  # its answers, as run.json has them
    qualities: Sequence[Json] = ()
    states: Mapping[int, str] = field(default_factory=dict)  # block -> state, where it is not finished
    blocks: Mapping[int, Behaviour] = field(default_factory=dict)  # block -> how it behaves there, where otherwise
    repeats: Mapping[int, Behaviour] = field(default_factory=dict)  # block -> how the trial that repeats it goes
    probe: float | None = None  # the load of a probe, relative to the planned trials
    generator: str = "fast"
    ceiling: Json | None = field(default_factory=lambda: dict(CEILING))
    driver: str | None = None  # its name, where nothing is said
    settings: Mapping[str, Any] = field(default_factory=dict)  # as the promise left them
    facts: Mapping[str, str] = field(default_factory=dict)  # more than the version


class Trial:
    """Messages are the rows of arrays; every file is a different count of the same rows."""

    def __init__(
        self, entry: Json, broker: Broker, load: Json, groups: Mapping[str, int], producers: int, rng: Any
    ) -> None:
        self.entry, self.broker, self.load, self.groups, self.rng = entry, broker, load, groups, rng
        self.b = broker.behaviour
        self.warmup, self.measure = load["warmup_s"], load["measure_s"]
        self.end = self.warmup + self.measure
        count = round(load["rate"] * self.end)
        self.due = np.arange(count) / load["rate"]
        if load["arrivals"] == "poisson":
            count = int(rng.poisson(count))
            self.due = np.sort(rng.uniform(0, self.end, count))
        self.producer = np.arange(count) % producers
        self.producers = producers
        self.window = self.due >= self.warmup
        inside = np.flatnonzero(self.window)
        self.sent = np.ones(count, bool)
        self.sent[inside[len(inside) - round(self.b.unsent_share * len(inside)) :]] = False
        self.unknown = np.zeros(count, bool)
        self.unknown[inside[: self.b.unknown]] = self.b.confirms
        self.refused = np.zeros(count, bool)
        self.refused[inside[self.b.unknown : self.b.unknown + self.b.refused]] = self.b.confirms
        self.confirmed = self.sent & ~self.unknown & ~self.refused & self.b.confirms
        self.promised = self.confirmed if self.b.confirms else self.sent
        shift = rng.normal(0, self.b.spread)
        self.handed = self.due + rng.lognormal(np.log(5e-5), 0.2, count)
        self.confirm_s = self.due + rng.lognormal(np.log(self.b.confirm_ms / 1e3) + shift, self.b.sigma, count)
        self.arrival = {g: self._arrivals(shift) for g in groups}
        self.last = max([self.end, *(float(np.nanmax(a)) for a in self.arrival.values() if np.isfinite(a).any())])

    def _arrivals(self, shift: float) -> Any:
        b, count = self.b, len(self.due)
        delay = self.rng.lognormal(np.log(b.end_to_end_ms / 1e3) + shift, b.sigma, count)
        if b.exact_ms is not None:
            delay[self.window] = np.resize(np.asarray(b.exact_ms, float) / 1e3, int(self.window.sum()))
        delay *= 1 + b.slower * np.clip((self.due - self.warmup) / self.measure, 0, 1)
        if b.delivered_share < 1:  # a server of that share of the rate: the queue grows with time
            delay += self.due * (1 / b.delivered_share - 1)
        arrival = self.due + delay
        if b.drift:  # messages of the second half come late by a growing time, so fewer a second arrive
            middle = self.warmup + self.measure / 2
            arrival += np.maximum(self.due - middle, 0) * (1 / (1 + b.drift) - 1)
        arrival[~self.sent] = np.nan
        for fate in (self.unknown, self.refused):
            those = np.flatnonzero(fate)
            arrival[those[len(those) // 2 :]] = np.nan
        owed = np.flatnonzero(self.window & self.promised)
        first = max(0, min(len(owed) // 3, len(owed) - b.lost))
        arrival[owed[first : first + b.lost]] = np.nan
        return arrival

    def write(self, home: Path) -> None:
        home.mkdir(parents=True)
        events = [{"t": 0.0, "child": "producer-0", "kind": "started", "text": ""}]
        files = {
            "intervals.jsonl": _lines(self._intervals()),
            "resources.jsonl": _lines(self._resources()),
            "broker.jsonl": _lines(self._readings()),
            "events.jsonl": _lines(events),
            "latency.hlog": self._hlog(),
            "ledger.json": json.dumps(self._ledger()),
            "facts.json": json.dumps(self._facts()),
        }
        for name, text in files.items():
            (home / name).write_text(text)
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
        (home / "trial.json").write_text(json.dumps(self._record() | {"files": digests}, indent=1))

    def _facts(self) -> Json:
        facts = {"version": self.broker.version, "released": "2026-01-01", "sync": "always", **self.broker.facts}
        return facts | ({"support_ends": self.broker.support_ends} if self.broker.support_ends else {})

    # What happened to the messages of one child in one second (or in all of them).
    def _produced(self, index: int, low: float = -np.inf, high: float = np.inf) -> Json:
        mine = self.producer == index

        def during(times: Any) -> Any:
            return mine & (times > low) & (times <= high)

        return {
            "scheduled": int(during(self.due).sum()),
            "sent": int((during(self.handed) & self.sent).sum()),
            "confirmed": int((during(self.confirm_s) & self.confirmed).sum()),
            "refused": int((during(self.confirm_s) & self.refused).sum()),
        }

    def _mine(self, group: str, index: int) -> Any:
        return (np.arange(len(self.due)) // self.producers) % (self.groups[group] - self.b.idle) == index

    def _consumed(self, group: str, index: int, low: float = -np.inf, high: float = np.inf) -> Json:
        at = self.arrival[group]
        unique = int((self._mine(group, index) & (at > low) & (at <= high)).sum())
        extras = index == 0 and low < self.end <= high
        doubles = self.b.duplicates if extras else 0
        return {
            "delivered": unique + doubles,
            "unique": unique,
            "redelivered": doubles,
            "foreign": self.b.foreign if extras else 0,
            "corrupt": self.b.corrupt if extras else 0,
        }

    def _intervals(self) -> list[Json]:
        lines: list[Json] = []
        seconds = int(np.ceil(self.last)) + 1
        for at in range(1, seconds + 1):
            low = -np.inf if at == 1 else at - 1
            for index in range(self.producers):
                counts = self._produced(index, low, at)
                so_far = self._produced(index, high=at)
                gauge = {
                    "outstanding": so_far["sent"] - so_far["confirmed"] - so_far["refused"]
                    if self.b.confirms
                    else None,
                    "cpu_s": self.b.producer_busy,
                }
                lines.append(
                    {"t": float(at), "child": f"producer-{index}", "role": "producer", "group": None, **counts, **gauge}
                )
            for group, number in self.groups.items():
                for index in range(number):
                    counts = self._consumed(group, index, low, at)
                    head = {"t": float(at), "child": f"{group}-{index}", "role": "consumer", "group": group}
                    lines.append({**head, **counts, "cpu_s": self.b.consumer_busy})
        return lines

    def _resources(self) -> list[Json]:
        broker = None if self.b.broker_cpu is None else {"cpu_s": self.b.broker_cpu, "rss_mib": 150.0}
        line = {
            "host": {
                "cpu_share": 1.1,
                "steal_share": self.b.steal,
                "throttled_s": self.b.throttled,
                "memory_used_mib": 900.0,
                "flushes": 10,
                "disk_written_mib": 0.5,
            },
            "broker": broker,
            "producers": {"cpu_s": self.b.producer_busy * self.producers, "rss_mib": 60.0},
            "consumers": {"cpu_s": self.b.consumer_busy * sum(self.groups.values()), "rss_mib": 70.0},
            "other_servers": {"cpu_s": self.b.bystanders},
        }
        return [{"t": float(at), **line} for at in range(1, int(np.ceil(self.last)) + 2)]

    def _readings(self) -> list[Json]:
        """Of the broker's own counters, once a second from t0 to the end of the load."""
        if not self.b.counters:
            return []
        lines = []
        for at in range(int(self.end) + 1):
            published = int((self.sent & (self.handed <= at)).sum())
            delivered = {group: int((times <= at).sum()) for group, times in self.arrival.items()}
            stored = sum(published - count for count in delivered.values())
            lines.append({"t": float(at), "took_ms": 1.0, "published": published, "delivered": delivered})
            lines[-1]["stored"] = max(stored, 0)
        return lines

    def _hlog(self) -> str:
        out = io.StringIO()
        writer = HistogramLogWriter(out)
        writer.output_comment("[Histogram log format version 1.3]")
        out.write("#[BaseTime: 0.000 (seconds since epoch)]\n")
        writer.output_legend()
        metrics: dict[str, Any] = {"send_delay": np.where(self.sent, self.handed, np.nan)}
        if self.b.confirms:
            metrics["confirm"] = np.where(self.confirmed, self.confirm_s, np.nan)
        metrics |= {f"end_to_end:{g}": at for g, at in self.arrival.items()}
        for second in range(int(np.ceil(self.last)) + 1):
            for tag, at in metrics.items():
                there = self.window & (at > second) & (at <= second + 1)
                if there.any():
                    histogram = HdrHistogram(1, HIGHEST_NS, 3)
                    for value in np.rint((at - self.due)[there] * 1e9).astype(np.int64).tolist():
                        histogram.record_value(value)
                    out.write(f"Tag={tag},")
                    writer.output_interval_histogram(histogram, float(second) or 1e-9, float(second + 1))
        return out.getvalue()

    def _group(self, group: str) -> Json:
        here = np.isfinite(self.arrival[group])
        fates = {
            "lost": self.promised & ~here,
            "outstanding": self.unknown & ~here,
            "recovered": self.unknown & here,
            "refused_delivered": self.refused & here,
        }
        told = {"confirmed": self.confirmed, "refused": self.refused, "unknown": self.unknown}
        if not self.b.confirms:
            told = {"handed-over": self.sent}
        unique, total = int(here.sum()), int(here.sum()) + self.b.duplicates
        ids = {fate: [self._id(i) for i in np.flatnonzero(rows)[:100].tolist()] for fate, rows in fates.items()}
        ids["duplicates"] = [self._id(i) for i in range(min(100, self.b.duplicates))]
        return {
            "expected": int(self.promised.sum()),
            "delivered": total,
            "unique": unique,
            **{fate: int(rows.sum()) for fate, rows in fates.items()},
            "duplicates": self.b.duplicates,
            "duplicates_flagged": self.b.duplicates - self.b.unflagged,
            "redelivered": self.b.duplicates,
            "fates": {
                answer: {"delivered": int((rows & here).sum()), "absent": int((rows & ~here).sum())}
                for answer, rows in told.items()
            },
            "reordered": 0 if self.groups[group] == 1 else None,
            "foreign": self.b.foreign,
            "corrupt": self.b.corrupt,
            "ids": ids,
        }

    def _id(self, row: int) -> list[int]:
        return [int(self.producer[row]), row // self.producers]

    def _ledger(self) -> Json:
        groups = {g: self._group(g) for g in self.groups}
        summed = (
            "expected",
            "delivered",
            "unique",
            "lost",
            "duplicates",
            "redelivered",
            "foreign",
            "corrupt",
            "outstanding",
            "recovered",
        )
        totals = {name: sum(group[name] for group in groups.values()) for name in summed}
        producers = [
            {"producer": i, **self._produced(i), "unknown": int((self.unknown & (self.producer == i)).sum())}
            for i in range(self.producers)
        ]
        sides = {
            name: sum(p[name] for p in producers) for name in ("scheduled", "sent", "confirmed", "refused", "unknown")
        }
        lost = {g: int((self.window & self.promised & ~np.isfinite(at)).sum()) for g, at in self.arrival.items()}
        return {
            "closed": totals["outstanding"] == 0,
            **sides,
            "promised": int(self.promised.sum()),
            **totals,
            "reordered": 0 if all(n == 1 for n in self.groups.values()) else None,
            "lost_in_window": lost,
            "groups": groups,
            "producers": producers,
        }

    def _record(self) -> Json:
        ledger = self._ledger()
        rate = self.load["rate"] if self.load["model"] == "open" else None
        canaries = {"published": 4, "delivered": dict.fromkeys(self.groups, 4)}
        published = ledger["sent"] - ledger["refused"] + 4 - self.b.counter_off
        arrived = {g: ledger["groups"][g]["delivered"] + 4 for g in self.groups}
        none = dict.fromkeys(self.groups)
        return {
            "schema": 1,
            **{key: self.entry[key] for key in ("id", "block", "order", "candidate", "tag")},
            "started": "2026-11-23T17:00:00+00:00",
            "state": "finished",
            "reason": None,
            "kind": self.entry["kind"],
            "repeats": self.entry["repeats"],
            "load": {"model": self.load["model"], "arrivals": self.load["arrivals"], "rate_msgs_s": rate},
            "phases": {
                "warmup_s": self.warmup,
                "measure_s": self.measure,
                "drain_s": self.last - self.end + 0.5,
                "drain_closed": ledger["closed"],
            },
            "contamination": {
                "steal_share": self.b.steal,
                "throttled_share": self.b.throttled,
                "contaminated": max(self.b.steal, self.b.throttled) > 0.01,
            },
            "in_flight_by": "confirms" if self.b.confirms else "back-pressure",
            "producers": [self._producer(i) for i in range(self.producers)],
            "consumers": [self._consumer(g, i) for g, n in self.groups.items() for i in range(n)],
            "broker_counters": {
                "published": published if self.b.counters else None,
                "delivered": arrived if self.b.counters else none,
                "stored": 0 if self.b.counters else None,
                "canaries": canaries,
            },
            "foreign_ids": [],
        }

    def _producer(self, index: int) -> Json:
        mine = self.producer == index
        inside = self.window & mine

        def by_time(at: Any, which: Any) -> int:
            return int((which & mine & (at >= self.warmup) & (at < self.end)).sum())

        first = int((mine & ~self.window).sum())
        return {
            "child": f"producer-{index}",
            "index": index,
            **self._produced(index),
            "unknown": int((self.unknown & mine).sum()),
            "unsent": int((mine & ~self.sent).sum()),
            "window": [first, int((mine & self.sent).sum())],
            "in_window": {
                "scheduled": int(inside.sum()),
                "sent": int((inside & self.sent).sum()),
                "confirmed": int((inside & self.confirmed).sum()),
                "refused": int((inside & self.refused).sum()),
                "due_sum_ns": _sum_ns(self.due[inside & self.sent]),
            },
            "in_flight_mean": self._in_flight(mine) if self.b.confirms else None,
            "by_one": 0,
            "sent_by_time": by_time(self.handed, self.sent),
            "confirmed_by_time": by_time(self.confirm_s, self.confirmed),
            **self._usage(f"producer-{index}", self.b.producer_busy, 60.0),
            "late_calls": 0,
            "negative": {"send_delay": 0, "confirm": 0},
        }

    def _consumer(self, group: str, index: int) -> Json:
        at = self.arrival[group]
        mine = self._mine(group, index)
        by_time = int((mine & (at >= self.warmup) & (at < self.end)).sum())
        return {
            "child": f"{group}-{index}",
            "group": group,
            "index": index,
            **self._consumed(group, index),
            "reordered": 0 if self.groups[group] == 1 else None,
            "delivered_by_time": by_time,
            "unique_by_time": by_time,
            "in_window": int((mine & self.window & np.isfinite(at)).sum()),
            "in_window_received_sum_ns": _sum_ns(at[mine & self.window & np.isfinite(at)]),
            "carried_in_max_ns": None,
            "duplicates_flagged": self.b.duplicates - self.b.unflagged if index == 0 else 0,
            "by_one": 0,
            "bodies_checked": 10,
            "working_share": self.b.working,
            "bodies_wrong": 0,
            **self._usage(f"{group}-{index}", self.b.consumer_busy, 70.0),
            "negative": {"end_to_end": self.b.negative if index == 0 else 0},
        }

    def _in_flight(self, mine: Any) -> float:
        """Unconfirmed messages, averaged over the window's time."""
        until = np.where(self.unknown, np.inf, self.confirm_s)
        there = np.minimum(until, self.end) - np.maximum(self.handed, self.warmup)
        return float(np.clip(there[mine & self.sent], 0, None).sum() / self.measure)

    def _usage(self, child: str, busy: float, rss_mib: float) -> Json:
        pauses = sorted(self.b.pauses_ms.get(child, ()), reverse=True)
        return {
            "cpu_s": busy * self.measure,
            "spin_s": 0.0,
            "busy_share": busy,
            "rss_mib_max": rss_mib,
            "hiccups": {
                "count": len(pauses),
                "total_ms": sum(pauses),
                "max_ms": max(pauses, default=0.0),
                "longest": [[self.warmup + 1.0, ms] for ms in pauses[:20]],
            },
        }


def _sum_ns(times_s: Any) -> int:
    return int(np.rint(times_s * 1e9).astype(np.int64).sum())


def _lines(rows: Sequence[Json]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
