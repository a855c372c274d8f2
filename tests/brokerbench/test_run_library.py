"""Shipped scenarios that no other test runs, with short phases: all their candidates take part, and every message of
each has its fate."""

from pathlib import Path

import pytest

from tests.support.accounts import run_short
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
