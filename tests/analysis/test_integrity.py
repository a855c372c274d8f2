"""A folder that was edited or damaged is noticed, and the reason names the file and both figures."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from brokerbench_analysis import FolderError, load, write_summary
from brokerbench_analysis.folder import Json
from brokerbench_analysis.summary import analyse
from tests.analysis.edits import edit, reseal
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]
EVERY_KIND = Behaviour(lost=5, duplicates=3, foreign=2, unknown=6, refused=4)
FILES = ("intervals.jsonl", "resources.jsonl", "events.jsonl", "latency.hlog", "ledger.json", "facts.json")


@pytest.fixture
def folder(run: Run) -> Path:
    return run(Broker("nats"), blocks=2, rate=100, producers=2, groups={"billing": 2, "audit": 1})


def home(folder: Path, trial: str = "b01-1-nats") -> Path:
    return folder / "trials" / trial


def reasons(folder: Path, trial: str = "b01-1-nats") -> list[str]:
    trials = analyse(folder).summary["candidates"]["nats"]["trials"]
    validity = next(t["validity"] for t in trials if t["id"] == trial)
    assert (validity["state"] == "invalid") == ("integrity" in validity["codes"]), validity
    return [text for code, text in zip(validity["codes"], validity["reasons"], strict=True) if code == "integrity"]


def test_what_was_written_is_sound(folder: Path) -> None:
    assert reasons(folder) == []


@pytest.mark.parametrize("model", ["open", "saturate"])
@pytest.mark.parametrize("confirms", [True, False])
def test_every_kind_of_fate_is_sound(run: Run, model: str, confirms: bool) -> None:
    behaviour = Behaviour(**{**vars(EVERY_KIND), "confirms": confirms})
    made = run(Broker("nats", behaviour), blocks=1, rate=100, producers=3, groups={"a": 2, "b": 1}, model=model)
    record = analyse(made).summary["candidates"]["nats"]["trials"][0]
    assert "integrity" not in record["validity"]["codes"]
    assert record["ledger"]["lost"] == 10


@pytest.mark.parametrize("name", FILES)
def test_a_byte_added_to_any_file(folder: Path, name: str) -> None:
    with (home(folder) / name).open("a") as file:
        file.write("\n")
    assert reasons(folder)[0].startswith(f"{name} was changed: its sha256 is ")
    assert reasons(folder, "b02-1-nats") == []


@pytest.mark.parametrize("name", [*FILES, "trial.json"])
def test_a_file_deleted(folder: Path, name: str) -> None:
    (home(folder) / name).unlink()
    assert f"{name} cannot be read: the file is missing" in reasons(folder)


@pytest.mark.parametrize("name", [*FILES, "trial.json"])
def test_a_file_cut_in_the_middle(folder: Path, name: str) -> None:
    path = home(folder) / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert any(text.startswith(name) for text in reasons(folder))


@pytest.mark.parametrize("counter", ["scheduled", "sent", "confirmed", "refused"])
@pytest.mark.parametrize("place", ["total", "interval", "ledger", "ledger producer"])
def test_an_edited_count_of_the_sent_side(folder: Path, counter: str, place: str) -> None:
    def more(value: Json) -> None:
        value[counter] += 7

    match place:
        case "total":
            edit(home(folder) / "trial.json", lambda t: more(t["producers"][1]))
        case "interval":
            edit(home(folder) / "intervals.jsonl", more, row=0)
        case "ledger":
            edit(home(folder) / "ledger.json", more)
        case "ledger producer":
            edit(home(folder) / "ledger.json", lambda v: more(v["producers"][0]))
    found = reasons(folder)
    assert found
    assert all("trial.json" in text or "ledger.json" in text for text in found)


@pytest.mark.parametrize("counter", ["delivered", "unique", "redelivered", "foreign", "corrupt"])
@pytest.mark.parametrize("place", ["total", "interval"])
def test_an_edited_count_of_the_received_side(folder: Path, counter: str, place: str) -> None:
    def more(value: Json) -> None:
        value[counter] += 7

    if place == "total":
        edit(home(folder) / "trial.json", lambda t: more(t["consumers"][0]))
    else:
        edit(home(folder) / "intervals.jsonl", more, row=2)  # the first consumer's first line
    assert any(f"intervals.jsonl: {counter} of billing-0" in text for text in reasons(folder))


@pytest.mark.parametrize("fate", ["expected", "delivered", "unique", "lost", "duplicates", "outstanding", "recovered"])
def test_an_edited_fate_in_the_ledger(folder: Path, fate: str) -> None:
    def hide(ledger: Json) -> None:
        ledger["groups"]["audit"][fate] += 1

    edit(home(folder) / "ledger.json", hide)
    assert any(text.startswith(f"ledger.json: {fate} is ") for text in reasons(folder))


@pytest.mark.parametrize("told", ["confirmed", "refused", "unknown"])
@pytest.mark.parametrize("became", ["delivered", "absent"])
def test_an_edited_cell_of_the_matrix(run: Run, told: str, became: str) -> None:
    made = run(Broker("nats", Behaviour(lost=5, unknown=6, refused=4)), blocks=1, rate=100)

    def more(ledger: Json) -> None:
        ledger["groups"]["all"]["fates"][told][became] += 1

    edit(home(made) / "ledger.json", more)
    assert any(text.startswith("ledger.json: group all: fates, ") for text in reasons(made))


@pytest.mark.parametrize("became", ["delivered", "absent"])
def test_an_edited_cell_where_handing_over_is_the_promise(run: Run, became: str) -> None:
    made = run(Broker("nats", Behaviour(lost=5, confirms=False)), blocks=1, rate=100)
    assert reasons(made) == []

    def more(ledger: Json) -> None:
        ledger["groups"]["all"]["fates"]["handed-over"][became] += 1

    edit(home(made) / "ledger.json", more)
    assert any("fates, all handed-over is 701, promised says 700" in text for text in reasons(made))


def test_more_flagged_duplicates_than_there_are(run: Run) -> None:
    made = run(Broker("nats", Behaviour(duplicates=3, unflagged=1)), blocks=1, rate=100)
    assert reasons(made) == []

    def more(group: Json) -> None:
        group["duplicates_flagged"] += 2

    edit(home(made) / "ledger.json", lambda ledger: more(ledger["groups"]["all"]))
    assert [text.partition(" is ")[2] for text in reasons(made)] == [
        "4, trial.json says 2",
        "4, their duplicates says 0 to 3",
    ]


def test_a_kind_that_run_json_does_not_know(folder: Path) -> None:
    edit(home(folder) / "trial.json", lambda trial: trial.update(kind="probe"))
    assert reasons(folder) == ["trial.json: kind is probe, run.json says planned"]


def test_a_hidden_loss_is_found_by_the_histograms(run: Run) -> None:
    """Someone edits a loss away, consistently in the ledger and its sums: the other files still know."""
    made = run(Broker("nats", Behaviour(lost=5)), blocks=1, rate=100)

    def whitewash(ledger: Json) -> None:
        for part in (ledger, ledger["groups"]["all"]):
            part["unique"] += 5
            part["delivered"] += 5
            part["lost"] = 0
        ledger["groups"]["all"]["ids"]["lost"] = []
        ledger["lost_in_window"] = {"all": 0}

    edit(home(made) / "ledger.json", whitewash)
    found = reasons(made)
    assert "ledger.json: delivered of group all is 700, trial.json says 695" in found
    assert "latency.hlog: end_to_end values of group all is 595, the ledger's delivered in the window says 600" in found
    assert "ledger.json: group all: fates, confirmed and absent is 5, lost says 0" in found


def test_a_histogram_line_removed(folder: Path) -> None:
    path = home(folder) / "latency.hlog"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for i, line in enumerate(lines) if i != 3))
    reseal(path.parent, path.name)
    (found,) = reasons(folder)
    assert found.startswith("latency.hlog: send_delay values is 500, sent in the window says 600")


def test_hlogs_swapped_between_trials(run: Run) -> None:
    made = run(Broker("nats", Behaviour(lost=3)), Broker("kafka", Behaviour(end_to_end_ms=9)), blocks=1, rate=100)
    mine, other = home(made) / "latency.hlog", home(made, "b01-2-kafka") / "latency.hlog"
    kept = mine.read_bytes()
    shutil.copy(other, mine)
    other.write_bytes(kept)
    reseal(mine.parent, mine.name)
    assert any("latency.hlog: end_to_end values of group all is 600" in text for text in reasons(made))


def test_whole_trials_swapped(run: Run) -> None:
    made = run(Broker("nats"), Broker("kafka", Behaviour(end_to_end_ms=9)), blocks=1, rate=100)
    home(made).rename(made / "aside")
    home(made, "b01-2-kafka").rename(home(made))
    (made / "aside").rename(home(made, "b01-2-kafka"))
    assert "trial.json: candidate is kafka, run.json says nats" in reasons(made)


def test_a_file_without_its_sum(folder: Path) -> None:
    edit(home(folder) / "trial.json", lambda trial: trial["files"].pop("ledger.json"))
    assert reasons(folder) == ["ledger.json: trial.json records no sha256 for it, so it proves nothing"]


def test_a_log_that_was_sealed_and_is_gone(folder: Path) -> None:
    edit(home(folder) / "trial.json", lambda trial: trial["files"].update({"producer-0.log": "00"}))
    assert reasons(folder) == ["producer-0.log cannot be read: the file is missing"]


@pytest.mark.parametrize("key", ["producers", "phases", "load"])
def test_a_trial_json_that_lacks_something(folder: Path, key: str) -> None:
    edit(home(folder) / "trial.json", lambda trial: trial.pop(key))
    assert any("lack what the analysis needs" in text for text in reasons(folder))


def test_an_invalid_trial_keeps_its_figures_out_of_the_merged_ones(folder: Path) -> None:
    edit(home(folder) / "ledger.json", lambda ledger: ledger.update(sent=1))
    assert analyse(folder).summary["candidates"]["nats"]["merged"]["trials"] == 1


def test_an_edited_summary_is_written_anew(folder: Path) -> None:
    first = write_summary(folder)
    (folder / "summary.json").write_text('{"status": "finished", "verdict": "mine is best"}')
    assert load(folder).summary == first
    assert write_summary(folder) == first
    assert json.loads((folder / "summary.json").read_text()) == first


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "holds no run.json"),
        ("{", "cannot be read"),
        ("[]", "is not a run"),
        ('{"schema": 2}', "has schema 2, this brokerbench reads 1"),
        ('{"schema": 1}', "lacks scenario"),
    ],
)
def test_a_run_json_that_cannot_be_used(folder: Path, content: str | None, says: str) -> None:
    if content is None:
        (folder / "run.json").unlink()
    else:
        (folder / "run.json").write_text(content)
    with pytest.raises(FolderError, match=says) as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def test_a_trial_of_nobody(folder: Path) -> None:
    run = json.loads((folder / "run.json").read_text())
    run["trials"][0]["candidate"] = "ghost"
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(FolderError, match="trials of ghost"):
        load(folder)
