"""What a run does beyond its plan, in real processes; how a trial ended is changed on its way to the run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brokerbench.engine import run as engine_run
from brokerbench.engine.folder import TrialFolder
from brokerbench.engine.monitor import Monitor
from brokerbench.engine.trial import Outcome, TrialContext, run_trial
from brokerbench.model import Broker
from tests.support.run_folder import check_run
from tests.support.running import read, run, scenario

NULL = Broker(driver="null")
PUSH = Broker(driver="zeromq", settings={"pattern": "push-pull", "transport": "tcp"})

Change = Callable[[str, Outcome], Outcome]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], None]:
    """Whether this machine disturbs a trial or busies a child is not for a test to hope for."""

    def change(to: Change) -> None:
        def trial(context: TrialContext, folder: TrialFolder) -> Outcome:
            quiet = replace(run_trial(context, folder), contaminated=False, busy_share=0.1)
            return to(context.trial.id, quiet)

        monkeypatch.setattr(engine_run, "run_trial", trial)

    return change


def contaminated(*endings: str) -> Change:
    return lambda trial, outcome: replace(outcome, contaminated=trial.endswith(endings))


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in read(folder / "run.json")["trials"]}


def in_order(folder: Path) -> list[str]:
    """Ids in the order in which the trials ran."""
    ran = [home / "trial.json" for home in (folder / "trials").iterdir()]
    return [read(path)["id"] for path in sorted(ran, key=lambda path: path.stat().st_mtime_ns)]


def test_a_contaminated_trial_is_made_again_at_the_end_of_its_block(tmp_path, ending):
    ending(contaminated("-1-null", "-1-other"))  # the first of each block
    told: list[tuple[str, list[str]]] = []
    where: list[Path] = []

    def observe(kind: str, about: dict[str, Any]) -> None:
        if kind == "folder":
            where.append(about["folder"])
        if kind == "trial":
            told.append((about["trial"].id, list(entries(where[0]))))

    folder = run(scenario({"null": NULL, "other": NULL}, blocks=2), tmp_path, observe=observe)
    check_run(folder)
    found = entries(folder)
    planned, again = list(found)[:4], list(found)[4:]
    assert again == [f"{planned[0]}-again1", f"{planned[2]}-again1"]
    assert in_order(folder) == [*planned[:2], again[0], *planned[2:], again[1]]
    assert [(found[i]["kind"], found[i]["repeats"], found[i]["block"], found[i]["order"]) for i in again] == [
        ("repeat", planned[0], 1, 3),
        ("repeat", planned[2], 2, 3),
    ]
    assert {e["state"] for e in found.values()} == {"finished"}
    assert len({e["tag"] for e in found.values()}) == 6
    assert dict(told)[planned[1]] == [*planned, again[0]]  # it was in run.json as soon as it was decided


def test_what_the_monitor_saw_decides_and_the_repeat_counts_instead(tmp_path, monkeypatch):
    shares = iter([0.2, 0.0])

    def window(self: Monitor, start_s: float, end_s: float) -> dict[str, Any]:
        steal = next(shares)
        return {"steal_share": steal, "throttled_share": None, "contaminated": steal > 0.1}

    monkeypatch.setattr(Monitor, "window", window)
    folder = run(scenario({"null": NULL}), tmp_path)
    check_run(folder)
    assert list(entries(folder)) == ["b01-1-null", "b01-1-null-again1"]
    first = read(folder / "trials" / "b01-1-null" / "trial.json")
    assert first["contamination"] == {"steal_share": 0.2, "throttled_share": None, "contaminated": True}
    trials = read(folder / "summary.json")["candidates"]["null"]["trials"]
    assert {t["id"]: t["superseded"] for t in trials} == {"b01-1-null": True, "b01-1-null-again1": False}


def test_it_is_not_made_again_for_ever(tmp_path, ending):
    ending(lambda trial, outcome: replace(outcome, contaminated=True))
    folder = run(scenario({"null": NULL}), tmp_path)
    assert list(entries(folder)) == ["b01-1-null", "b01-1-null-again1", "b01-1-null-again2"]
    assert in_order(folder) == list(entries(folder))
    assert read(folder / "trials" / "b01-1-null-again2" / "trial.json")["repeats"] == "b01-1-null-again1"
    check_run(folder)


def test_what_failed_was_not_disturbed(tmp_path, ending):
    ending(lambda trial, outcome: replace(outcome, state="failed", contaminated=True))
    folder = run(scenario({"null": NULL}), tmp_path)
    assert list(entries(folder)) == ["b01-1-null"]


def test_a_smoke_run_adds_nothing_to_its_plan(tmp_path, ending):
    ending(lambda trial, outcome: replace(outcome, contaminated=True, busy_share=1.0))
    asked = scenario({"zeromq": PUSH}, rate=None, blocks=1, look_again=2)
    folder = run(asked, tmp_path, smoke=True, undecided=lambda folder: True)
    assert list(entries(folder)) == ["b01-1-zeromq"]
    assert read(folder / "run.json")["looks"] is None


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_second_look_only_where_the_first_decides_nothing(tmp_path, ending, goes_on):
    ending(contaminated())
    seen: list[dict[str, str]] = []

    def undecided(folder: Path) -> bool:
        assert read(folder / "summary.json")["candidates"]["null"]["trials"]  # of the trials so far
        seen.append({i: e["state"] for i, e in entries(folder).items()})
        return goes_on

    folder = run(scenario({"null": NULL}, blocks=1, look_again=3), tmp_path, undecided=undecided)
    assert seen == [{"b01-1-null": "finished", "b02-1-null": "planned", "b03-1-null": "planned"}]  # asked once
    found = entries(folder)
    assert [e["kind"] for e in found.values()] == ["planned", "second-look", "second-look"]
    later = ("finished", None) if goes_on else ("skipped", "decided at the first look")
    assert [(e["state"], e["reason"]) for e in found.values()] == [("finished", None), later, later]
    run_json = read(folder / "run.json")
    assert run_json["status"] == "finished"
    looks = run_json["looks"]
    assert (looks["first"], looks["second"], looks["went_on"]) == (1, 3, goes_on)
    assert 0 < looks["alpha_first"] < 0.05
    assert 0 < looks["alpha_second"] < 0.05
    check_run(folder)
    notes = read(folder / "summary.json")["verdict"]["notes"]
    assert not [note for note in notes if "have ended" in note]  # nothing is missing


def test_stopped_before_the_look_nothing_is_decided(tmp_path, ending):
    ending(contaminated())
    ended: list[str] = []

    def observe(kind: str, about: dict[str, Any]) -> None:
        if kind == "trial-end":
            ended.append(about["trial"].id)

    asked = scenario({"null": NULL}, blocks=1, look_again=2)
    folder = run(asked, tmp_path, observe=observe, stop_asked=lambda: bool(ended), undecided=lambda folder: False)
    run_json = read(folder / "run.json")
    assert run_json["status"] == "interrupted"
    assert run_json["looks"]["went_on"] is None
    assert [e["state"] for e in run_json["trials"]] == ["finished", "planned"]


def test_a_busy_generator_is_tried_with_one_more_worker(tmp_path, ending):
    ending(lambda trial, outcome: replace(outcome, busy_share=0.9 if trial.endswith(("1-zeromq", "2-zeromq")) else 0.1))
    folder = run(scenario({"zeromq": PUSH, "null": NULL}, rate=None, blocks=2), tmp_path)
    check_run(folder)
    assert list(entries(folder))[4:] == ["probe-zeromq"]
    assert entries(folder)["probe-zeromq"] | {"seed": 0, "tag": 0} == {
        "id": "probe-zeromq",
        "block": 0,
        "order": 1,
        "candidate": "zeromq",
        "seed": 0,
        "tag": 0,
        "kind": "probe",
        "repeats": None,
        "state": "finished",
        "reason": None,
    }
    assert in_order(folder)[-1] == "probe-zeromq"
    trial = read(folder / "trials" / "probe-zeromq" / "trial.json")
    assert [p["child"] for p in trial["producers"]] == ["producer-0", "producer-1"]
    assert [c["child"] for c in trial["consumers"]] == ["all-0", "all-1"]
    assert read(folder / "trials" / "probe-zeromq" / "ledger.json")["sent"] > 0


def test_who_cannot_take_one_more_worker_says_so(tmp_path, ending):
    ending(lambda trial, outcome: replace(outcome, busy_share=0.9))
    said: list[str] = []

    def observe(kind: str, about: dict[str, Any]) -> None:
        if kind == "say":
            said.append(about["text"])

    folder = run(scenario({"null": NULL}, rate=None), tmp_path, observe=observe)
    assert list(entries(folder)) == ["b01-1-null"]
    assert any("busy 90%" in text and "one ring: one producer" in text for text in said)


def test_a_given_rate_has_no_limit_to_look_for(tmp_path, ending):
    ending(lambda trial, outcome: replace(outcome, busy_share=0.9))
    folder = run(scenario({"zeromq": PUSH}), tmp_path)
    assert list(entries(folder)) == ["b01-1-zeromq"]


def test_run_json_says_what_kind_of_client_it_was(tmp_path):
    folder = run(scenario({"null": NULL}), tmp_path, stop_asked=lambda: True)
    run_json = read(folder / "run.json")
    assert run_json["candidates"]["null"]["generator"] == "fast"
    assert run_json["ceilings"] is None  # not asked for
    assert (run_json["trials"][0]["kind"], run_json["trials"][0]["repeats"]) == ("planned", None)
