"""One row for each second of a trial: rates, gauges and percentiles on one time axis."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from .folder import Json, TrialFiles
from .histograms import merge
from .latency import is_of

__all__ = ["COLUMNS", "PHASES", "Second", "backlog_name", "measured", "seconds_of"]

Second = dict[str, float | str | None]
PHASES = ("warm-up", "measured", "drain")
COLUMNS = (
    "t",
    "phase",
    "scheduled",
    "sent",
    "confirmed",
    "delivered",
    "outstanding",
    "backlog",
    "send_delay_p99_ms",
    "confirm_p50_ms",
    "confirm_p99_ms",
    "end_to_end_p50_ms",
    "end_to_end_p99_ms",
    "end_to_end_max_ms",
    "response_p50_ms",
    "response_p99_ms",
    "response_max_ms",
    "generator_cpu",
    "producers_cpu",
    "consumers_cpu",
    "broker_cpu",
    "other_cpu",
    "generator_rss_mib",
    "broker_rss_mib",
    "host_cpu",
    "steal_share",
    "flushes",
    "broker_in",
    "broker_out",
    "broker_stored",
)
_LATE_S = 0.25
_LATENCY = {
    "send_delay_p99_ms": ("send_delay", 0.99),
    "confirm_p50_ms": ("confirm", 0.5),
    "confirm_p99_ms": ("confirm", 0.99),
    "end_to_end_p50_ms": ("end_to_end", 0.5),
    "end_to_end_p99_ms": ("end_to_end", 0.99),
    "end_to_end_max_ms": ("end_to_end", 1.0),
    "response_p50_ms": ("response", 0.5),
    "response_p99_ms": ("response", 0.99),
    "response_max_ms": ("response", 1.0),
}


def seconds_of(files: TrialFiles) -> list[Second]:
    """Rows for t = 1, 2, ... (the end of each second since t0). `delivered` is the mean over groups.

    `scheduled` .. `delivered` are messages per second, `*_cpu` cores, `backlog` messages due (open) or sent
    (saturate) and not yet delivered. `broker_*` are the broker's own counters, see `_readings`.
    """
    counted = _rates(files.intervals, files.warmup_s + files.measure_s)
    rows: dict[int, Second] = {}
    last = max((max(series) for series in counted.values() if series), default=0)
    for at in range(1, last + 1):
        row: Second = dict.fromkeys(COLUMNS)
        row["t"] = float(at)
        row["phase"] = _phase(at, files)
        rows[at] = row
    groups = {line.get("group") for line in files.intervals if line.get("role") == "consumer"}
    for (role, name), series in counted.items():
        share = max(len(groups), 1) if role == "consumer" and name == "delivered" else 1
        column = name if role != "consumer" or name == "delivered" else None
        if column in COLUMNS:
            for at, value in series.items():
                rows[at][str(column)] = value / share
    _backlog(files, rows, max(len(groups), 1))
    _percentiles(files, rows)
    _resources(files.resources, rows)
    _readings(files.readings, rows)
    return list(rows.values())


def measured(rows: Iterable[Second]) -> list[Second]:
    return [row for row in rows if row["phase"] == "measured"]


def backlog_name(model: str) -> str:
    return "scheduled" if model == "open" else "sent"


def _phase(at: int, files: TrialFiles) -> str:
    """A second that straddles two phases belongs to neither's steady part, so the measured ones are whole."""
    slack = 0.05
    if at - 1 < files.warmup_s - slack:
        return PHASES[0]
    return PHASES[1] if at <= files.warmup_s + files.measure_s + slack else PHASES[2]


def _second(start: float, end: float) -> int:
    """The second that holds an interval's middle: intervals end a little late, and the last one is a short rest."""
    return max(1, math.floor((start + end) / 2) + 1)


def _rates(lines: Iterable[Json], load_end_s: float) -> Mapping[tuple[str, str], dict[int, float]]:
    """(role, counter) -> second -> rate over all children; `outstanding` is a gauge and is added as it stands.

    A child looks at the clock every now and then, so the interval in which the load ends is a little too long for what
    it counted: up to _LATE_S of it are left out of the rate, else every trial would seem to slow down at its end.
    """
    counts: dict[tuple[str, str, int], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    lengths: dict[tuple[str, int], float] = defaultdict(float)
    before: dict[str, float] = defaultdict(float)
    for line in lines:
        child, role, t = str(line["child"]), str(line["role"]), float(line["t"])
        at = _second(before[child], t)
        late = t - load_end_s if before[child] < load_end_s < t <= load_end_s + _LATE_S else 0.0
        lengths[child, at] += t - late - before[child]
        before[child] = t
        row = counts[child, role, at]
        for name, value in line.items():
            if name == "outstanding":
                if value is not None:
                    row[name] = value
            elif name != "t" and isinstance(value, (int, float)):
                row[name] += value
    out: dict[tuple[str, str], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for (child, role, at), row in counts.items():
        length = max(lengths[child, at], 1e-3)
        for name, value in row.items():
            out[role, name][at] += value if name == "outstanding" else value / length
    return out


def _backlog(files: TrialFiles, rows: Mapping[int, Second], groups: int) -> None:
    """From whole counts, not from rates: what was due (or sent) so far less what a group got so far."""
    due = backlog_name(files.model)
    steps: dict[int, float] = defaultdict(float)
    before: dict[str, float] = defaultdict(float)
    for line in files.intervals:
        at = _second(before[line["child"]], line["t"])
        before[line["child"]] = line["t"]
        steps[at] += line[due] if line["role"] == "producer" else -line["unique"] / groups
    total = 0.0
    for at, row in rows.items():
        total += steps[at]
        row["backlog"] = max(total, 0.0)


def _percentiles(files: TrialFiles, rows: Mapping[int, Second]) -> None:
    for metric in dict.fromkeys(metric for metric, _ in _LATENCY.values()):
        found = defaultdict(list)
        for tag, intervals in files.latency.items():
            if is_of(files, tag, metric):
                for interval in intervals:
                    found[_second(interval.start_s, interval.start_s + interval.length_s)].append(interval.histogram)
        columns = [name for name, (of, _) in _LATENCY.items() if of == metric]
        for at, histograms in found.items():
            if at in rows:
                values = merge(histograms).quantiles_ms([_LATENCY[name][1] for name in columns])
                rows[at].update(zip(columns, values, strict=True))


def _resources(lines: Iterable[Json], rows: Mapping[int, Second]) -> None:
    before = 0.0
    for line in lines:
        t = float(line["t"])
        row, length = rows.get(_second(before, t)), max(t - before, 1e-3)
        before = t
        if row is None:
            continue
        host = line.get("host") or {}
        row["host_cpu"], row["steal_share"] = host.get("cpu_share"), host.get("steal_share")
        flushes = host.get("flushes")
        row["flushes"] = None if flushes is None else flushes / length
        for name in ("producers", "consumers", "broker"):
            row[f"{name}_cpu"] = _per_second(line.get(name), length)
        others = [_per_second(line.get(name), length) for name in ("coordinator", "other_servers")]
        row["other_cpu"] = _total(others)
        row["generator_cpu"] = _total([row["producers_cpu"], row["consumers_cpu"]])
        sides = [(line.get(name) or {}).get("rss_mib") for name in ("producers", "consumers")]
        row["generator_rss_mib"] = _total(sides)
        row["broker_rss_mib"] = (line.get("broker") or {}).get("rss_mib")


def _readings(lines: Iterable[Json], rows: Mapping[int, Second]) -> None:
    """`broker_in` and `broker_out` (the mean over groups): between two readings the mean rate, for each whole second of
    that time. `broker_stored`: what was held when it was read, at that second alone."""
    before: Json | None = None
    for line in lines:
        if "error" in line:
            break
        at = max(1, round(line["t"]))
        if at in rows and line["stored"] is not None and line["t"] > 0.5:
            rows[at]["broker_stored"] = float(line["stored"])
        for column, of in (("broker_in", _published), ("broker_out", _delivered)):
            rate = None if before is None else _rate(of(before), of(line), line["t"] - before["t"])
            for second in range(round(before["t"]) + 1, round(line["t"]) + 1) if before else ():
                if second in rows:
                    rows[second][column] = rate
        before = line


def _published(line: Json) -> float | None:
    published: float | None = line["published"]
    return published


def _delivered(line: Json) -> float | None:
    """None where one group is not counted."""
    counts = list(line["delivered"].values())
    return sum(counts) / len(counts) if counts and None not in counts else None


def _rate(before: float | None, now: float | None, length_s: float) -> float | None:
    """None where a counter went back: it is not the same one any more."""
    return None if before is None or now is None or now < before or length_s <= 0 else (now - before) / length_s


def _per_second(usage: Json | None, length_s: float) -> float | None:
    used = (usage or {}).get("cpu_s")
    return None if used is None else float(used) / length_s


def _total(values: Iterable[float | str | None]) -> float | None:
    there = [float(v) for v in values if v is not None]
    return sum(there) if there else None
