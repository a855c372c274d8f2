"""Is a run folder what docs/run-folder.md says? Every file and key, and the sums between them."""

import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from jsonschema import Draft202012Validator

from tests.support.running import read

__all__ = ["check_run", "check_trial", "histogram_totals"]

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "summary.schema.json").read_text())
FILES = {
    "intervals.jsonl",
    "resources.jsonl",
    "events.jsonl",
    "latency.hlog",
    "ledger.json",
    "facts.json",
    "broker.jsonl",
}
RUN = [
    "schema",
    "brokerbench",
    "scenario",
    "scenario_text",
    "seed",
    "smoke",
    "started",
    "finished",
    "status",
    "environment",
    "candidates",
    "trials",
]
CANDIDATE = ["driver", "title", "client", "server", "role", "excluded", "features", "promise"]
PROMISE = ["guarantee", "survives", "point", "settings", "notes"]
ENTRY = ["id", "block", "order", "candidate", "seed", "tag", "state", "reason"]
TRIAL = [
    "schema",
    "id",
    "block",
    "order",
    "candidate",
    "tag",
    "started",
    "state",
    "reason",
    "load",
    "phases",
    "in_flight_by",
    "producers",
    "consumers",
    "broker_counters",
    "foreign_ids",
    "files",
]
PRODUCER = [
    "child",
    "index",
    "scheduled",
    "sent",
    "confirmed",
    "refused",
    "unknown",
    "unsent",
    "window",
    "in_window",
    "confirmed_by_time",
    "sent_by_time",
    "cpu_s",
    "busy_share",
    "rss_mib_max",
    "negative",
]
CONSUMER = [
    "child",
    "group",
    "index",
    "delivered",
    "unique",
    "redelivered",
    "foreign",
    "corrupt",
    "reordered",
    "delivered_by_time",
    "unique_by_time",
    "bodies_checked",
    "bodies_wrong",
    "cpu_s",
    "busy_share",
    "rss_mib_max",
    "negative",
]
SENT = ["scheduled", "sent", "confirmed", "refused"]
RECEIVED = ["delivered", "unique", "foreign", "corrupt", "redelivered"]
LEDGER = [
    "closed",
    "scheduled",
    "sent",
    "confirmed",
    "refused",
    "unknown",
    "promised",
    "expected",
    "delivered",
    "unique",
    "lost",
    "duplicates",
    "redelivered",
    "reordered",
    "foreign",
    "corrupt",
    "outstanding",
    "recovered",
    "lost_in_window",
    "groups",
    "producers",
]
GROUP = [
    "expected",
    "delivered",
    "unique",
    "lost",
    "duplicates",
    "redelivered",
    "reordered",
    "outstanding",
    "recovered",
    "foreign",
    "corrupt",
    "ids",
]
HOST = ["cpu_share", "steal_share", "memory_used_mib", "flushes", "disk_written_mib"]


def has(value: dict[str, Any], keys: list[str], what: str) -> None:
    missing = [key for key in keys if key not in value]
    assert not missing, f"{what} lacks {missing}"


def check_run(folder: Path) -> None:
    """The whole folder; every trial in it."""
    run = read(folder / "run.json")
    has(run, RUN, "run.json")
    has(run["environment"], ["cpu", "cores", "kernel", "python", "memory_gib", "libraries"], "environment")
    for name, candidate in run["candidates"].items():
        has(candidate, CANDIDATE, f"candidate {name}")
        assert (candidate["promise"] is None) == (candidate["excluded"] is not None)
        if candidate["promise"] is not None:
            has(candidate["promise"], PROMISE, f"promise of {name}")
    ids = [entry["id"] for entry in run["trials"]]
    assert len(set(ids)) == len(ids)
    assert len({entry["tag"] for entry in run["trials"]}) == len(ids), "two trials share a tag"
    for entry in run["trials"]:
        has(entry, ENTRY, entry["id"])
        home = folder / "trials" / entry["id"]
        assert home.exists() >= (entry["state"] == "finished")
        assert home.exists() <= (entry["state"] in ("finished", "failed", "interrupted"))
        if home.exists():
            check_trial(home, entry)
    left = [p.name for p in (folder / "trials").iterdir() if p.name not in ids]
    assert not left, f"trials/ holds {left}"
    assert not [p.name for p in folder.rglob(".*")], "unfinished files are left"
    summary = read(folder / "summary.json")
    problems = [f"{e.json_path}: {e.message}" for e in Draft202012Validator(SCHEMA).iter_errors(summary)]
    assert not problems, problems


def check_trial(home: Path, entry: dict[str, Any]) -> None:
    trial = read(home / "trial.json")
    has(trial, TRIAL, f"{entry['id']}/trial.json")
    for key in ("id", "block", "order", "candidate", "tag", "state", "reason"):
        assert trial[key] == entry[key], key
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in home.iterdir() if p.name != "trial.json"}
    assert trial["files"] == found
    measured = FILES if trial["state"] == "finished" else FILES - {"ledger.json"}
    assert measured <= found.keys()
    for name in found:
        assert name in FILES or name.endswith(".log"), name
    if "ledger.json" not in found:
        return
    for producer in trial["producers"]:
        has(producer, PRODUCER, producer["child"])
        has(producer["in_window"], SENT, "in_window")
    for consumer in trial["consumers"]:
        has(consumer, CONSUMER, consumer["child"])
    _check_intervals(trial, read(home / "intervals.jsonl"))
    _check_ledger(trial, read(home / "ledger.json"))
    _check_histograms(trial, home)
    for line in read(home / "resources.jsonl"):
        has(line, ["t", "host", "broker", "producers", "consumers", "other_servers"], "resources.jsonl")
        has(line["host"], HOST, "host")
    for event in read(home / "events.jsonl"):
        has(event, ["t", "kind", "text"], "events.jsonl")
    facts = read(home / "facts.json")
    assert trial["state"] == "failed" or facts["version"]
    assert all(isinstance(value, str) for value in facts.values())


def _check_intervals(trial: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    newest: dict[str, float] = {}
    for line in lines:
        names = SENT if line["role"] == "producer" else RECEIVED
        has(line, ["t", "child", "role", "group", "cpu_s", *names], "intervals.jsonl")
        assert line["t"] > newest.get(line["child"], 0.0)
        newest[line["child"]] = line["t"]
        sums[line["child"]].update({name: line[name] for name in names})
    for side, names in (("producers", SENT), ("consumers", RECEIVED)):
        for child in trial[side]:
            assert {n: sums[child["child"]][n] for n in names} == {n: child[n] for n in names}, child["child"]
    assert newest.keys() == {c["child"] for c in (*trial["producers"], *trial["consumers"])}


def _check_ledger(trial: dict[str, Any], ledger: dict[str, Any]) -> None:
    has(ledger, LEDGER, "ledger.json")
    producers, consumers = trial["producers"], trial["consumers"]
    for name in (*SENT, "unknown"):
        assert ledger[name] == sum(p[name] for p in producers) == sum(row[name] for row in ledger["producers"]), name
    assert ledger["sent"] == ledger["promised"] + ledger["refused"] + ledger["unknown"]
    assert ledger["scheduled"] - ledger["sent"] == sum(p["unsent"] for p in producers)
    for name, group in ledger["groups"].items():
        has(group, GROUP, f"group {name}")
        mine = [c for c in consumers if c["group"] == name]
        for key in ("delivered", "foreign", "corrupt", "redelivered"):
            assert group[key] == sum(c[key] for c in mine), key
        assert group["expected"] == ledger["promised"]
        assert group["duplicates"] == group["delivered"] - group["unique"] >= 0
        assert group["unique"] == group["expected"] - group["lost"] + group["recovered"] + group["refused_delivered"]
        assert group["outstanding"] + group["recovered"] == ledger["unknown"]
        for fate in ("lost", "outstanding", "recovered"):
            assert len(group["ids"][fate]) == min(100, group[fate])
    for key in ("expected", "delivered", "unique", "lost", "duplicates", "outstanding", "recovered"):
        assert ledger[key] == sum(group[key] for group in ledger["groups"].values()), key
    assert ledger["closed"] == (ledger["outstanding"] == 0)


def histogram_totals(path: Path) -> Counter[str]:
    """Values for each tag, read by HdrHistogram's own reader."""
    totals: Counter[str] = Counter()
    reader = HistogramLogReader(str(path), HdrHistogram(1, (1 << 47) - 1, 3))
    while (histogram := reader.get_next_interval_histogram()) is not None:
        totals[histogram.get_tag()] += histogram.get_total_count()
    return totals


def _check_histograms(trial: dict[str, Any], home: Path) -> None:
    expected: Counter[str] = Counter()
    for producer in trial["producers"]:
        expected["send_delay"] += producer["in_window"]["sent"]
        expected["confirm"] += producer["in_window"]["confirmed"]
        expected["service"] += producer.get("replied_in_window", 0)
    for consumer in trial["consumers"]:
        expected[f"end_to_end:{consumer['group']}"] += consumer["in_window"]
    assert histogram_totals(home / "latency.hlog") == +expected
