"""The shipped comparison of all brokers, as the command brings them up; every account must balance."""

import os
import shutil
import subprocess

import pytest

from brokerbench_analysis import load
from brokerbench_reports import render
from tests.support.accounts import Accounts, run_short
from tests.support.live import command
from tests.support.running import read

pytestmark = pytest.mark.timeout(420)
BROKERLESS = "zeromq"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    return run_short("compare-brokers", tmp_path_factory.mktemp("compare"))


def test_all_take_part_and_all_accounts_balance(finished):
    assert finished.excluded == {}
    assert len(finished.names) == 10
    finished.balance()


def test_what_is_stronger_than_asked_is_printed(finished):
    page = (finished.folder / "report.html").read_text(encoding="utf-8")
    assert {about["survives"] for about in finished.summary["candidates"].values()} > {"nothing"}
    assert "stronger than asked" in page


def test_the_other_servers_were_watched(finished):
    for name in set(finished.names) - {BROKERLESS}:
        assert all(line["other_servers"] for line in read(finished.trials[name] / "resources.jsonl")), name


@pytest.mark.parametrize("name", ["artemis", "activemq-classic", "jetstream", "valkey"])
def test_what_brokers_counted_stands_beside_it(finished, name):
    lines = read(finished.trials[name] / "broker.jsonl")
    assert lines
    assert not any("error" in line for line in lines), lines
    assert lines[-1]["published"] > 0
    assert isinstance(lines[-1]["delivered"]["all"], int)
    assert isinstance(lines[-1]["stored"], int)


def test_the_report_is_made_again_without_a_broker(finished, tmp_path):
    """From a copy elsewhere, twice: the same bytes as the run wrote, and the figures of summary.json again."""
    folder = finished.folder
    written = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    copy = shutil.copytree(folder, tmp_path / folder.name)
    (copy / "report.html").unlink()
    (copy / "summary.json").unlink()
    told = subprocess.run(
        command("report", str(copy)), capture_output=True, text=True, check=False, env={**os.environ, "TZ": "UTC-9"}
    )
    assert told.returncode == 0, told.stderr
    assert (copy / "report.html").read_bytes() == written["report.html"]
    for kind in ("html", "md", "json", "csv"):
        assert render(load(copy), kind) == render(load(folder), kind)
    after = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    assert after == written  # a report never edits what it reads
