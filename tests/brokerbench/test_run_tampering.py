"""Somebody improves a figure in a finished folder, and seals it again. The report must not believe it.

The folder is one that the engine wrote. Each count is kept by several sides; who changes one contradicts the others.
"""

import base64
import hashlib
import html
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram

from brokerbench.cli._main import run as cli
from brokerbench.engine.hlog import write_hlog
from brokerbench.model import Broker
from tests.support.running import read, run, scenario

pytestmark = pytest.mark.usefixtures("undisturbed")

PUB_SUB = {"it": Broker(driver="zeromq", settings={"pattern": "pub-sub", "transport": "tcp"})}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(scenario(PUB_SUB, producers=2, rate="1k/s"), tmp_path_factory.mktemp("results"))


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / original.name)


def home_of(folder: Path) -> Path:
    [home] = (folder / "trials").iterdir()
    return home


def seal(home: Path, name: str) -> None:
    trial = read(home / "trial.json")
    trial["files"][name] = hashlib.sha256((home / name).read_bytes()).hexdigest()
    (home / "trial.json").write_text(json.dumps(trial))


def edited(home: Path, name: str, change: Callable[[Any], None]) -> None:
    value = read(home / name)
    change(value)
    lines = value if name.endswith(".jsonl") else [value]
    (home / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    if name != "trial.json":
        seal(home, name)


def verdict(folder: Path) -> tuple[str, list[str]]:
    """As the command says it: the summary, and the page that a person opens."""
    assert cli(["report", str(folder)]) == 0
    assert cli(["report", str(folder), "--format", "json"]) == 0
    [record] = read(folder / "report.json")["candidates"]["it"]["trials"]
    page = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    for reason in record["validity"]["reasons"]:
        assert reason.split(":")[0].split(" is ")[0] in page
    integrity = zip(record["validity"]["codes"], record["validity"]["reasons"], strict=True)
    return record["validity"]["state"], [text for code, text in integrity if code == "integrity"]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the whole numbers stand."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        if isinstance(below, int) and not isinstance(below, bool):
            yield (*path, key)
        yield from leaves(below, (*path, key))


def raised(value: Any, path: tuple[Any, ...], by: int = 1) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] += by


def test_as_the_engine_left_it(folder):
    state, found = verdict(folder)
    assert found == []
    assert state in ("valid", "suspect", "invalid")


@pytest.mark.parametrize(
    "name", ["ledger.json", "latency.hlog", "intervals.jsonl", "resources.jsonl", "events.jsonl", "facts.json"]
)
def test_changed_and_not_sealed(folder, name):
    path = home_of(folder) / name
    path.write_bytes(path.read_bytes() + b"\n")
    state, found = verdict(folder)
    assert state == "invalid"
    assert found[0].startswith(f"{name} was changed")


LEDGER = [
    *("scheduled", "sent", "confirmed", "refused", "unknown", "promised", "expected", "delivered", "unique"),
    *("lost", "duplicates", "redelivered", "reordered", "foreign", "corrupt", "outstanding", "recovered"),
]


@pytest.mark.parametrize("figure", LEDGER)
def test_one_figure_of_the_ledger(folder, figure):
    """In the total alone."""
    edited(home_of(folder), "ledger.json", lambda ledger: raised(ledger, (figure,)))
    state, found = verdict(folder)
    assert state == "invalid"
    assert any(figure in text for text in found), found


def test_a_loss_hidden_in_every_place_of_the_ledger(folder):
    """Twenty messages become delivered ones, in total and group, in all figures that depend on it."""

    def hide(ledger: Any) -> None:
        for row in (ledger, ledger["groups"]["all"]):
            for name in ("delivered", "unique", "expected"):
                row[name] += 20
        for name in ("scheduled", "sent", "promised"):
            ledger[name] += 20
        for name in ("scheduled", "sent"):
            ledger["producers"][0][name] += 20

    edited(home_of(folder), "ledger.json", hide)
    state, found = verdict(folder)
    assert state == "invalid"
    assert any("trial.json" in text for text in found)


@pytest.mark.parametrize("side", ["producers", "consumers"])
def test_one_figure_of_a_childs_totals(folder, side):
    for name in ("scheduled", "sent") if side == "producers" else ("delivered", "unique", "foreign", "redelivered"):
        edited(home_of(folder), "trial.json", lambda trial, name=name: raised(trial, (side, 0, name), 5))
        state, found = verdict(folder)
        assert state == "invalid"
        assert any(text.startswith(f"intervals.jsonl: {name} of") for text in found)
        edited(home_of(folder), "trial.json", lambda trial, name=name: raised(trial, (side, 0, name), -5))
    assert verdict(folder)[1] == []


@pytest.mark.parametrize("figure", ["sent_by_time", "confirmed_by_time", "delivered_by_time", "unique_by_time"])
def test_more_throughput_than_messages(folder, figure):
    side = "producers" if figure.startswith(("sent", "confirmed")) else "consumers"
    edited(home_of(folder), "trial.json", lambda trial: raised(trial, (side, 0, figure), 2000))
    state, found = verdict(folder)
    assert state == "invalid"
    assert found[0].startswith(f"trial.json: {figure} of ")


def test_one_second_of_the_intervals(folder):
    edited(home_of(folder), "intervals.jsonl", lambda lines: raised(lines[0], ("delivered",), 100))
    state, found = verdict(folder)
    assert state == "invalid"
    assert found[0].startswith("intervals.jsonl: delivered of all-0 is ")


def test_trial_intervals_and_ledger_together_are_betrayed_by_the_histograms(folder):
    """More sent than was, consistently in three files, sums included."""
    home = home_of(folder)

    def more(trial: Any) -> None:
        for name in ("scheduled", "sent"):
            raised(trial["producers"][0], (name,), 50)
            raised(trial["producers"][0]["in_window"], (name,), 50)
        for name in ("delivered", "unique"):
            raised(trial["consumers"][0], (name,), 50)

    def more_lines(lines: list[Any]) -> None:
        for role, names in (("producer", ("scheduled", "sent")), ("consumer", ("delivered", "unique"))):
            row = next(line for line in lines if line["role"] == role and line["child"].endswith("-0"))
            for name in names:
                row[name] += 50

    def more_fates(ledger: Any) -> None:
        for row in (ledger, ledger["producers"][0]):
            for name in ("scheduled", "sent"):
                row[name] += 50
        ledger["promised"] += 50
        for row in (ledger, ledger["groups"]["all"]):
            for name in ("expected", "delivered", "unique"):
                row[name] += 50
        ledger["groups"]["all"]["fates"]["handed-over"]["delivered"] += 50

    edited(home, "intervals.jsonl", more_lines)
    edited(home, "ledger.json", more_fates)
    edited(home, "trial.json", more)
    state, found = verdict(folder)
    assert state == "invalid"
    assert all(text.startswith("latency.hlog: ") for text in found), found
    assert len(found) >= 2  # send delay, and end-to-end


def lines_of(path: Path) -> list[tuple[str, float, float, list[list[int]]]]:
    """The log as its writer takes it."""
    found = []
    for line in path.read_text().splitlines():
        if line.startswith("Tag="):
            tag, start, length, _, payload = line.removeprefix("Tag=").split(",")
            histogram = HdrHistogram.decode(payload)
            bins = [i for i in range(histogram.counts_len) if histogram.counts[i]]
            found.append((tag, float(start), float(length), [bins, [int(histogram.counts[i]) for i in bins]]))
    return found


def test_the_slowest_messages_are_taken_out_of_the_log(folder):
    home = home_of(folder)
    lines = lines_of(home / "latency.hlog")
    for tag, _, _, (bins, counts) in lines:
        if tag.startswith("end_to_end") and len(bins) > 3:
            del bins[-3:], counts[-3:]
    write_hlog(home / "latency.hlog", lines)
    seal(home, "latency.hlog")
    state, found = verdict(folder)
    assert state == "invalid"
    assert any(text.startswith("latency.hlog: end_to_end values of group all is ") for text in found)


def test_a_log_that_is_not_one(folder):
    home = home_of(folder)
    path = home / "latency.hlog"
    text = path.read_text()
    *head, last = text.rstrip().split(",")
    torn = base64.b64encode(base64.b64decode(last)[:-20]).decode()
    path.write_text(",".join([*head, torn]) + "\n")
    seal(home, "latency.hlog")
    state, found = verdict(folder)
    assert state == "invalid"
    assert found[0].startswith("latency.hlog cannot be read")


def test_another_runs_trial_in_its_place(folder, tmp_path):
    """A better trial, whole and sealed, from another run."""
    other = run(scenario(PUB_SUB, producers=2, rate="1k/s"), tmp_path / "other", seed=2)
    shutil.rmtree(home_of(folder))
    shutil.copytree(home_of(other), folder / "trials" / home_of(other).name)
    state, found = verdict(folder)
    assert state == "invalid"
    assert any(text.startswith("trial.json: tag is ") for text in found)


def test_a_failed_trial_is_declared_finished(folder):
    """Its state is in run.json and trial.json; one of them is changed."""

    def failed(trial: Any) -> None:
        trial.update(state="failed", reason="the broker died")

    edited(home_of(folder), "trial.json", failed)
    state, _ = verdict(folder)
    assert state == "invalid"


def test_every_count_in_the_ledger_bears_weight(folder):
    """One more in any place of ledger.json, sealed: noticed, wherever it is."""
    home = home_of(folder)
    unnoticed = []
    from brokerbench_analysis import write_summary

    for path in leaves(read(home / "ledger.json")):
        edited(home, "ledger.json", lambda ledger, path=path: raised(ledger, path))
        [record] = write_summary(folder)["candidates"]["it"]["trials"]
        if "integrity" not in record["validity"]["codes"]:
            unnoticed.append(path)
        edited(home, "ledger.json", lambda ledger, path=path: raised(ledger, path, -1))
    assert unnoticed == []
