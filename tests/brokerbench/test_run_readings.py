"""What brokers count for themselves while the load runs: in the run folder, on the trial's clock, and on the page."""

from itertools import pairwise
from pathlib import Path

import pytest

from brokerbench.contract import Admin, BadTarget
from brokerbench.engine.readings import Readings
from brokerbench.model import Broker
from brokerbench_analysis import load
from brokerbench_reports import render
from tests.support.run_folder import check_run
from tests.support.running import AT_LEAST, read, run, scenario, trials_of

pytestmark = pytest.mark.timeout(240)
COUNTING = {
    "jetstream": Broker(driver="nats", settings={"mode": "jetstream"}),
    "stream": Broker(driver="redis", settings={"product": "valkey", "structure": "stream"}),
}
SILENT = {"list": Broker(driver="redis", settings={"product": "valkey", "structure": "list"})}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    asked = scenario({**COUNTING, **SILENT}, rate="500/s", warmup="1s", steady="3s", guarantee=AT_LEAST)
    return run(asked, tmp_path_factory.mktemp("readings"))


def test_the_run_folder_is_whole(folder: Path) -> None:
    check_run(folder)


@pytest.mark.parametrize("name", list(COUNTING))
def test_counters_are_read_second_by_second_and_end_where_the_account_does(name: str, folder: Path) -> None:
    home = trials_of(folder)[name]
    lines, trial = read(home / "broker.jsonl"), read(home / "trial.json")
    assert len(lines) >= 2, lines
    assert not any("error" in line for line in lines), lines
    for before, after in pairwise(lines):
        assert after["t"] > before["t"]
        assert after["published"] >= before["published"]
        assert after["delivered"]["all"] >= before["delivered"]["all"]
    canaries = sum(child["canaries"] for child in trial["producers"])
    assert lines[0]["published"] <= canaries + trial["producers"][0]["scheduled"]
    assert lines[-1]["published"] <= trial["broker_counters"]["published"]
    assert lines[-1]["published"] > canaries, "the load was seen"


@pytest.mark.parametrize("name", list(COUNTING))
def test_they_stand_on_the_time_axis(name: str, folder: Path) -> None:
    seconds = load(folder).seconds
    own = seconds[seconds["candidate"] == name]
    for column in ("broker_in", "broker_out", "broker_stored"):
        assert own[column].notna().any(), column
    assert own["broker_in"].max() > 0


def test_who_counts_nothing_is_not_asked_and_is_not_0(folder: Path) -> None:
    assert read(trials_of(folder)["list"] / "broker.jsonl") == []
    seconds = load(folder).seconds
    own = seconds[seconds["candidate"] == "list"]
    assert not len(own[["broker_in", "broker_out", "broker_stored"]].dropna(how="all"))


def test_the_page_shows_them(folder: Path) -> None:
    page = render(load(folder))
    assert page.count("counted by the broker, msg/s, published: not measured") == 1, "the list's"
    assert page.count("held by the broker, messages, stored: ") == 3


def test_a_reading_that_fails_ends_them_and_the_page_says_when_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(readings: Readings, admin: Admin, t0_ns: int, every_ns: int) -> None:
        raise BadTarget("no <b>counters</b> today")

    monkeypatch.setattr(Readings, "_ask", ask)
    folder = run(scenario({"jetstream": COUNTING["jetstream"]}, rate="500/s", guarantee=AT_LEAST), tmp_path)
    [line] = read(trials_of(folder)["jetstream"] / "broker.jsonl")
    assert line["error"] == "BadTarget: no <b>counters</b> today"
    assert read(folder / "run.json")["status"] == "finished"
    page = render(load(folder))
    assert "counters were not read from here on: BadTarget: no &lt;b&gt;counters&lt;/b&gt; today" in page
    assert "counted by the broker, msg/s, published: " not in page
