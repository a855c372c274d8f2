"""One short comparison over all brokers as the command brings them up; then every account must balance."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from brokerbench_analysis import load
from brokerbench_reports import render
from tests.support.absent import require
from tests.support.live import command
from tests.support.run_folder import check_run
from tests.support.running import read, trials_of

SCENARIO = """
scenario: all-of-them
question: Do all accounts balance?
brokers:
  classic: {driver: rabbitmq, queue_type: classic}
  quorum: {driver: rabbitmq, queue_type: quorum}
  kafka-confluent: {driver: kafka, client: confluent}
  kafka-python: {driver: kafka, client: kafka-python}
  jetstream: {driver: nats, mode: jetstream}
  zeromq: {driver: zeromq, pattern: push-pull, transport: tcp, role: floor}
message: {size: 1KiB}
delivery: {guarantee: at-least-once, survives: nothing, in_flight: 1000}
load: {model: open, warmup: 500ms, stages: [{steady: 1500ms, rate: 2k/s}], drain: 10s}
repeats: {blocks: 1}
slo: {lost: 0}
primary: end_to_end.p99
"""
NAMES = ("classic", "quorum", "kafka-confluent", "kafka-python", "jetstream", "zeromq")
SCHEDULED = 4000


def sent(home: Path) -> int:
    """How many went out: all that were scheduled, unless this machine is too busy for that now."""
    return int(read(home / "ledger.json")["sent"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("rabbitmq", "kafka", "nats", "zeromq")
    home = tmp_path_factory.mktemp("brokers")
    (home / "all.yaml").write_text(SCENARIO)
    told = subprocess.run(
        command("run", "all.yaml", "--seed", "11"), cwd=home, capture_output=True, text=True, check=False, timeout=170
    )
    assert told.returncode in (0, 3), told.stdout + told.stderr  # 3: so short a load proves little
    [folder] = (home / "results").iterdir()
    return folder


def test_the_folder_is_what_the_document_says(finished):
    check_run(finished)
    assert read(finished / "run.json")["status"] == "finished"
    assert trials_of(finished).keys() == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_message_has_its_fate(finished, name):
    ledger = read(trials_of(finished)[name] / "ledger.json")
    assert ledger["closed"]
    assert ledger["scheduled"] == SCHEDULED
    assert 0 < ledger["sent"] == ledger["promised"] == ledger["unique"] == ledger["expected"] <= SCHEDULED
    assert ledger["confirmed"] == (0 if name == "zeromq" else ledger["sent"])
    for fate in ("lost", "duplicates", "reordered", "outstanding", "unknown", "refused", "foreign", "corrupt"):
        assert ledger[fate] == 0, fate
    assert not any(ledger["groups"]["all"]["ids"].values())


@pytest.mark.parametrize("name", [n for n in NAMES if n != "zeromq"])
def test_the_broker_counts_what_we_count(finished, name):
    home = trials_of(finished)[name]
    counters = read(home / "trial.json")["broker_counters"]
    canaries = counters["canaries"]
    assert canaries["published"] > 0
    assert counters["published"] - canaries["published"] == sent(home)
    assert counters["delivered"]["all"] - canaries["delivered"]["all"] == sent(home)


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_is_there(finished, name):
    [record] = read(finished / "summary.json")["candidates"][name]["trials"]
    assert "integrity" not in record["validity"]["codes"]
    inside = read(trials_of(finished)[name] / "trial.json")["producers"][0]["in_window"]
    assert inside["scheduled"] == SCHEDULED * 3 // 4
    for metric in ("send_delay_ms", "end_to_end_ms"):
        assert record[metric]["count"] == inside["sent"]
    assert (record["confirm_ms"] is None) == (name == "zeromq")
    assert record["offered_msgs_s"] == 2000
    facts = read(trials_of(finished)[name] / "facts.json")
    assert facts["version"][0].isdigit()


@pytest.mark.parametrize("name", [n for n in NAMES if n != "zeromq"])
def test_the_brokers_processes_were_watched(finished, name):
    lines = read(trials_of(finished)[name] / "resources.jsonl")
    assert lines
    assert all(line["broker"]["rss_mib"] > 5 for line in lines)
    assert all(line["other_servers"] for line in lines)


def test_the_report_is_made_again_without_a_broker(finished, tmp_path):
    """From a copy elsewhere, twice: the same bytes as the run wrote, and the figures of summary.json again."""
    written = {p.name: p.read_bytes() for p in finished.iterdir() if p.is_file()}
    copy = shutil.copytree(finished, tmp_path / finished.name)
    (copy / "report.html").unlink()
    (copy / "summary.json").unlink()
    told = subprocess.run(
        command("report", str(copy)), capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC-9"}
    )
    assert told.returncode == 0, told.stderr
    assert (copy / "report.html").read_bytes() == written["report.html"]
    for kind in ("html", "md", "json", "csv"):
        assert render(load(copy), kind) == render(load(finished), kind)
    after = {p.name: p.read_bytes() for p in finished.iterdir() if p.is_file()}
    assert after == written  # a report never edits what it reads
