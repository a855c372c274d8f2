"""Shipped scenarios that no other test runs, with short phases: every message of each candidate has its fate. Where the
scenario's point does not need all of its brokers, those that start in an instant take part."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from brokerbench_scenarios import shipped_text
from tests.support.accounts import Accounts, run_short
from tests.support.run_folder import check_run
from tests.support.running import read

pytestmark = pytest.mark.timeout(420)


@pytest.mark.parametrize("name", ["iot-telemetry", "order-events", "saturate", "tls-cost"])
def test_it_runs_and_its_accounts_close(name: str, tmp_path: Path) -> None:
    found = run_short(name, tmp_path)
    check_run(found.folder)
    assert found.excluded == {}
    assert found.run["status"] == "finished"
    assert {entry["state"] for entry in found.run["trials"]} == {"finished"}, found.run["trials"]
    for candidate in found.names:
        ledger = read(found.trials[candidate] / "ledger.json")
        assert 0 < ledger["sent"] <= ledger["scheduled"], candidate
        for fate in ("lost", "duplicates", "outstanding", "unknown", "refused", "foreign", "corrupt"):
            assert ledger[fate] == 0, f"{candidate}: {fate}"
        for group in ledger["groups"].values():
            assert group["unique"] == ledger["sent"], candidate


def ran(name: str, home: Path, brokers: tuple[str, ...], *more: str) -> dict[str, dict[str, Any]]:
    """By candidate, its trial's record; nothing is lost or left open."""
    shipped = YAML(typ="safe").load(shipped_text(name))["brokers"]
    kept = json.dumps({each: shipped[each] for each in brokers})
    brief = ("load.warmup=200ms", "load.stages=[{steady: 700ms, rate: 300/s}]", *more)
    found = run_short(name, home, *(part for each in (f"brokers={kept}", *brief) for part in ("-o", each)))
    check_run(found.folder)
    assert set(found.names) == set(brokers)
    return {candidate: _accounted(found, candidate) for candidate in found.names}


def _accounted(found: Accounts, candidate: str) -> dict[str, Any]:
    record: dict[str, Any] = found.summary["candidates"][candidate]["trials"][0]
    ledger = record["ledger"]
    assert record["state"] == "finished", record["validity"]["reasons"]
    assert ledger["closed"], candidate
    assert 0 < ledger["sent"] == ledger["promised"] == ledger["unique"], candidate
    for fate in ("lost", "outstanding", "unknown", "refused", "foreign", "corrupt"):
        assert ledger[fate] == 0, f"{candidate}: {fate}"
    return record


def test_the_demo_with_the_servers_that_come_with_pip_and_start_at_once(tmp_path: Path) -> None:
    records = ran("demo", tmp_path, ("valkey", "zeromq"))
    assert all(record["end_to_end_ms"]["count"] > 0 for record in records.values())


def test_orders_of_several_codecs_and_models(tmp_path: Path) -> None:
    """What its page is asked to show side by side: bytes, what coding costs, and the effect end to end."""
    records = ran("codecs", tmp_path, ("json", "protobuf", "json-fat-zstd"))
    [folder] = (tmp_path / "results").glob("*/")
    coding = read(folder / "run.json")["coding"]
    assert set(coding) == set(records)
    page = (folder / "report.html").read_text(encoding="utf-8")
    table = page[page.index("Messages and coding") :]
    for candidate, record in records.items():
        assert record["end_to_end_ms"]["count"] > 0
        assert candidate in table


def test_large_messages_come_whole(tmp_path: Path) -> None:
    records = ran("large-messages", tmp_path, ("nats", "valkey"), "load.stages=[{steady: 2s, rate: 50/s}]")
    assert all(record["end_to_end_ms"]["count"] > 20 for record in records.values())


def test_clients_come_and_go(tmp_path: Path) -> None:
    records = ran("connection-churn", tmp_path, ("jetstream",), "topology.churn.every=200ms")
    for candidate, record in records.items():
        for side in ("producers", "consumers"):
            assert record["churn"][side]["reopened"] > 0, f"{candidate}: {side}"
