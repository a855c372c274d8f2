"""The shipped scenarios of who sends to whom, run short by the command, each on a broker that starts in an instant."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.accounts import Accounts, run_short
from tests.support.run_folder import check_run
from tests.support.running import read

JETSTREAM = "brokers={jetstream: {driver: nats, mode: jetstream, storage: memory}}"
VALKEY = "brokers={valkey: {driver: redis, product: valkey}}"


def ran(name: str, home: Path, brokers: str, *more: str) -> tuple[Accounts, dict[str, Any]]:
    """Its one candidate's ledger; nothing of it was lost, doubled or left open."""
    found = run_short(name, home, "-o", brokers, *more)
    check_run(found.folder)
    [candidate] = found.names
    ledger = read(found.trials[candidate] / "ledger.json")
    assert ledger["closed"]
    assert 0 < ledger["sent"] == ledger["promised"]
    for group in ledger["groups"].values():
        assert (group["unique"], group["lost"], group["duplicates"]) == (ledger["sent"], 0, 0)
    return found, ledger


def test_a_task_queue_gives_back_and_rejects(tmp_path: Path) -> None:
    found, ledger = ran("task-queue", tmp_path, VALKEY)
    workers = ledger["groups"]["workers"]
    assert workers["returned"] == workers["redelivered"]
    [record] = found.summary["candidates"]["valkey"]["trials"]
    assert (
        record["consumers"]["workers"]["working_share_max"] > record["consumers"]["workers"]["working_share_mean"] > 0
    )


def test_a_fan_out_owes_each_group_every_message(tmp_path: Path) -> None:
    found, ledger = ran("fan-out", tmp_path, JETSTREAM)
    assert len(ledger["groups"]) == 10
    assert ledger["expected"] == ledger["unique"] == 10 * ledger["sent"]
    [record] = found.summary["candidates"]["jetstream"]["trials"]
    assert record["deliveries_msgs_s"] == pytest.approx(10 * record["delivered_msgs_s"])


def test_a_firehose_has_many_writers_and_one_reader(tmp_path: Path) -> None:
    _, ledger = ran("log-firehose", tmp_path, JETSTREAM, "-o", "load.stages=[{steady: 2s, rate: 2k/s}]")
    assert len(ledger["producers"]) == 8
    assert min(row["sent"] for row in ledger["producers"]) > 0


def test_a_spike_is_sent_as_it_is_asked(tmp_path: Path) -> None:
    found, ledger = ran("spike-and-recovery", tmp_path, VALKEY)
    short = 0.5 * 500 + 2.0 * (500 + 5000 + 500) / 3  # warm-up, then thirds of 2 s
    assert ledger["scheduled"] == pytest.approx(short, abs=3)
    [record] = found.summary["candidates"]["valkey"]["trials"]
    assert record["load"]["varies"]


@pytest.mark.parametrize("brokers", [JETSTREAM, VALKEY], ids=["jetstream", "valkey"])
def test_a_backlog_is_filled_while_nobody_consumes_and_then_drained(brokers: str, tmp_path: Path) -> None:
    found, ledger = ran("backlog-drain", tmp_path, brokers)
    [candidate] = found.names
    assert ledger["sent"] == 2000
    trial = read(found.trials[candidate] / "trial.json")
    assert trial["backlog"]["asked"] == 2000
    # Nothing was received before consumers were let at it, and all was filled by then.
    assert trial["backlog"]["filled_s"] <= trial["backlog"]["released_s"]
    assert all(
        c["first_received_s"] is None or c["first_received_s"] > trial["backlog"]["released_s"]
        for c in trial["consumers"]
    )
    [record] = found.summary["candidates"][candidate]["trials"]
    backlog = record["backlog"]
    assert backlog["filled"] == backlog["asked"] == record["end_to_end_ms"]["count"]
    assert 0 < backlog["first_s"] <= backlog["drain_s"]
    assert record["fill_msgs_s"] == pytest.approx(2000 / backlog["fill_s"])
    assert record["drain_msgs_s"] == pytest.approx(2000 / backlog["drain_s"])
    assert record["delivered_msgs_s"] is None
    assert not {"backlog-growing", "not-sustained", "not-steady", "integrity", "not-filled"} & set(
        record["validity"]["codes"]
    )
    assert found.summary["primary"] == "drain_msgs_s"
    page = (found.folder / "report.html").read_text(encoding="utf-8")
    assert "drained in" in page
    assert "filled to 2,000 messages as fast as they are confirmed, while nobody consumes; then drained" in page
