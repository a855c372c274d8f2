"""Whole runs in this process, without a server: what they leave on disk is what the document says."""

from pathlib import Path

import pytest

from brokerbench.model import Broker, Group, Role
from tests.support.run_folder import check_run
from tests.support.running import read, run, scenario, trials_of

pytestmark = pytest.mark.usefixtures("undisturbed")

NULL = Broker(driver="null")
PUSH = Broker(driver="zeromq", settings={"pattern": "push-pull", "transport": "tcp"})
PUB = Broker(driver="zeromq", settings={"pattern": "pub-sub", "transport": "tcp"})


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two candidates, two blocks, at a rate that any machine keeps."""
    return run(scenario({"null": NULL, "zeromq": PUSH}, blocks=2), tmp_path_factory.mktemp("results"), seed=3)


def test_the_folder_is_what_the_document_says(steady):
    check_run(steady)
    run_json = read(steady / "run.json")
    assert run_json["status"] == "finished"
    assert [t["state"] for t in run_json["trials"]] == ["finished"] * 4
    assert {t["candidate"] for t in run_json["trials"][:2]} == {"null", "zeromq"}  # each once in each block


def test_every_message_has_its_fate(steady):
    for home in (steady / "trials").iterdir():
        ledger = read(home / "ledger.json")
        assert ledger["closed"]
        assert ledger["scheduled"] == 2000
        assert ledger["sent"] == ledger["promised"] == ledger["unique"] > 0
        assert ledger["lost"] == ledger["duplicates"] == ledger["foreign"] == ledger["corrupt"] == 0
        assert ledger["confirmed"] == ledger["unknown"] == 0
        trial = read(home / "trial.json")
        assert [p["window"] for p in trial["producers"]] == [[600, 2000]]
        assert [p["in_window"]["scheduled"] for p in trial["producers"]] == [1400]
        assert sum(c["in_window"] for c in trial["consumers"]) == sum(
            p["in_window"]["sent"] for p in trial["producers"]
        )
        assert all(c["bodies_checked"] > 0 for c in trial["consumers"])


def test_the_same_seed_gives_the_same_order(steady, tmp_path):
    again = run(scenario({"null": NULL, "zeromq": PUSH}, blocks=2), tmp_path, seed=3, stop_asked=lambda: True)
    fields = ("id", "candidate", "tag", "seed")
    ours, theirs = (read(folder / "run.json")["trials"] for folder in (steady, again))
    assert [[t[f] for f in fields] for t in ours] == [[t[f] for f in fields] for t in theirs]
    assert read(again / "run.json")["status"] == "interrupted"
    assert {t["state"] for t in theirs} == {"planned"}
    check_run(again)


def test_several_producers_groups_and_consumers(tmp_path):
    groups = {"billing": Group(consumers=2), "audit": Group()}
    asked = scenario({"zeromq": PUB}, producers=3, groups={"audit": Group(), "more": Group()}, rate="3k/s")
    folder = run(asked, tmp_path / "pub-sub")
    check_run(folder)
    ledger = read(trials_of(folder)["zeromq"] / "ledger.json")
    # What is scheduled is exact; a machine too busy for a moment may leave the last of it unsent.
    assert ledger["scheduled"] == 3000
    assert ledger["expected"] == ledger["unique"] == 2 * ledger["sent"] > 0
    assert {p["scheduled"] for p in ledger["producers"]} == {1000}
    folder = run(scenario({"zeromq": PUSH}, producers=2, groups={"billing": groups["billing"]}), tmp_path / "push-pull")
    check_run(folder)
    [home] = trials_of(folder).values()
    trial, ledger = read(home / "trial.json"), read(home / "ledger.json")
    assert [c["child"] for c in trial["consumers"]] == ["billing-0", "billing-1"]
    assert all(c["unique"] > 0 for c in trial["consumers"])  # they share the work
    assert all(c["reordered"] is None for c in trial["consumers"])  # and so have no order between them
    assert ledger["reordered"] is None
    assert ledger["scheduled"] == 2000
    assert ledger["unique"] == ledger["sent"] > 0


def test_as_fast_as_it_is_taken(tmp_path):
    folder = run(scenario({"null": NULL}, rate=None), tmp_path)
    check_run(folder)
    [home] = trials_of(folder).values()
    ledger = read(home / "ledger.json")
    assert ledger["closed"]
    assert ledger["unique"] == ledger["sent"] > 10_000
    assert ledger["lost"] == 0
    assert read(home / "trial.json")["in_flight_by"] == "back-pressure"


def test_who_cannot_take_part_is_named_and_the_others_run(tmp_path):
    asked = scenario({"null": NULL, "floor": NULL.model_copy(update={"role": Role.FLOOR})}, producers=2)
    folder = run(asked, tmp_path)
    check_run(folder)
    run_json = read(folder / "run.json")
    assert run_json["trials"] == []
    assert all("one producer" in c["excluded"] for c in run_json["candidates"].values())


def test_stopped_in_mid_load_the_trial_is_kept(tmp_path):
    """Ctrl-C is asked for when messages have come; the trial drains and stays, the others are not begun."""
    state = {"asked": False}

    def observe(kind: str, about: dict) -> None:
        if kind == "load":
            state["children"] = about["children"]
        if kind == "beat" and "children" in state:
            # Each child has told a full second: the load is on its way.
            state["asked"] = state["asked"] or all(child.intervals for child in state["children"])

    asked = scenario({"null": NULL, "zeromq": PUSH}, steady="60s")
    folder = run(asked, tmp_path, observe=observe, stop_asked=lambda: state["asked"])
    check_run(folder)
    run_json = read(folder / "run.json")
    assert run_json["status"] == "interrupted"
    assert [t["state"] for t in run_json["trials"]] == ["interrupted", "planned"]
    home = folder / "trials" / run_json["trials"][0]["id"]
    ledger = read(home / "ledger.json")
    assert ledger["closed"]
    assert 0 < ledger["sent"] == ledger["unique"] < 120_000
    assert ledger["lost"] == 0
    [record] = read(folder / "summary.json")["candidates"][run_json["trials"][0]["candidate"]]["trials"]
    assert record["validity"]["state"] == "invalid"
    assert "interrupted" in record["validity"]["reasons"][0]


def test_a_stop_before_the_load_is_kept_too(tmp_path):
    state = {"asked": False}

    def observe(kind: str, about: dict) -> None:
        state["asked"] = state["asked"] or kind == "trial"

    folder = run(scenario({"null": NULL}), tmp_path, observe=observe, stop_asked=lambda: state["asked"])
    check_run(folder)
    [entry] = read(folder / "run.json")["trials"]
    assert entry["state"] == "interrupted"
    assert entry["reason"] == "stopped by the user before the load"
