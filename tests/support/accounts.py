"""A shipped scenario, run short by the command; and what must hold of every candidate's accounts."""

import subprocess
from pathlib import Path
from typing import Any

from brokerbench.cli._scenario import load_scenario
from brokerbench.contract import Feature
from tests.support.absent import require
from tests.support.live import command
from tests.support.run_folder import check_run
from tests.support.running import read, trials_of

__all__ = ["Accounts", "run_short"]


class Accounts:
    """The one finished run below a folder; `names` are the candidates that took part."""

    def __init__(self, results: Path) -> None:
        [self.folder] = results.glob("*/")
        self.run = read(self.folder / "run.json")
        self.summary = read(self.folder / "summary.json")
        self.trials = trials_of(self.folder)
        self.names = tuple(self.trials)

    @property
    def excluded(self) -> dict[str, str]:
        return {name: about["excluded"] for name, about in self.run["candidates"].items() if about["excluded"]}

    def facts(self, name: str) -> dict[str, str]:
        found: dict[str, str] = read(self.trials[name] / "facts.json")
        return found

    def balance(self) -> None:
        """Every message of every candidate has its fate, and the brokers that count say the same."""
        check_run(self.folder)
        assert self.run["status"] == "finished"
        assert {entry["state"] for entry in self.run["trials"]} == {"finished"}, self.run["trials"]
        for name in self.names:
            self._fates(name)
            self._counters(name)
            self._figures(name)

    def _features(self, name: str) -> list[str]:
        return list(self.run["candidates"][name]["features"])

    def _confirms(self, name: str) -> bool:
        return self.run["candidates"][name]["promise"]["point"] == "confirmed"

    def _fates(self, name: str) -> None:
        ledger = read(self.trials[name] / "ledger.json")
        assert ledger["closed"], name
        assert 0 < ledger["sent"] == ledger["promised"] == ledger["unique"] == ledger["expected"], name
        assert ledger["sent"] <= ledger["scheduled"], name
        assert ledger["confirmed"] == (ledger["sent"] if self._confirms(name) else 0), name
        for fate in ("lost", "duplicates", "outstanding", "unknown", "refused", "foreign", "corrupt"):
            assert ledger[fate] == 0, f"{name}: {fate}"
        assert not ledger["reordered"], name  # null where several consumers take turns
        assert not any(ledger["groups"]["all"]["ids"].values()), name

    def _counters(self, name: str) -> None:
        if Feature.COUNTERS not in self._features(name):
            return
        sent = int(read(self.trials[name] / "ledger.json")["sent"])
        counters = read(self.trials[name] / "trial.json")["broker_counters"]
        canaries = counters["canaries"]
        assert canaries["published"] > 0
        if counters["published"] is not None:
            assert counters["published"] - canaries["published"] == sent, name
        if counters["delivered"].get("all") is not None:
            assert counters["delivered"]["all"] - canaries["delivered"]["all"] == sent, name

    def _figures(self, name: str) -> None:
        [record] = self.summary["candidates"][name]["trials"]
        assert "integrity" not in record["validity"]["codes"], name
        inside: dict[str, Any] = read(self.trials[name] / "trial.json")["producers"][0]["in_window"]
        for metric in ("send_delay_ms", "end_to_end_ms"):
            assert record[metric]["count"] == inside["sent"], name
        assert (record["confirm_ms"] is not None) == self._confirms(name), name
        assert self.facts(name)["version"][0].isdigit(), name
        if self.run["candidates"][name]["role"] == "floor":
            return
        lines = read(self.trials[name] / "resources.jsonl")
        assert lines, name
        assert all(line["broker"]["rss_mib"] > 1 for line in lines), name


def run_short(name: str, home: Path, *more: str) -> Accounts:
    """`brokerbench run NAME --short`, to its end."""
    require(*sorted({broker.driver for broker in load_scenario(name).scenario.brokers.values()}))
    told = subprocess.run(
        command("run", name, "--short", "--seed", "11", *more),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert told.returncode in (0, 3, 4), told.stdout + told.stderr  # so short a load proves little
    assert "Traceback" not in told.stderr
    return Accounts(home / "results")
