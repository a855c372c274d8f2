"""From RabbitMQ at prefetch 1 and one confirm in flight: both are advised, and paired trials show the gain.

Trials are short, but no smoke run: a smoke run claims nothing, so it advises nothing.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from brokerbench.cli._main import run
from brokerbench_analysis import load
from brokerbench_reports import render
from tests.support.absent import require
from tests.support.run_folder import check_run

pytestmark = pytest.mark.timeout(420)
SHORT = ("topology.producers=1", "load.warmup=300ms", "load.stages=[{steady: 1s}]", "repeats.blocks=2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("rabbitmq")
    results = tmp_path_factory.mktemp("results")
    overrides = [word for each in SHORT for word in ("-o", each)]
    told = run(["run", "rabbitmq-one-at-a-time", *overrides, "--prove", "2", "--results", str(results)])
    assert told in (0, 3)  # 3: one of two trials as short as these may be invalid, and the other is advised from
    (home,) = results.glob("*_rabbitmq-one-at-a-time")
    return home


def _blocks(candidate: dict[str, Any]) -> set[int]:
    counted = (trial for trial in candidate["trials"] if not trial["superseded"])
    return {trial["block"] for trial in counted if trial["validity"]["state"] != "invalid"}


@pytest.fixture(scope="module")
def advice(folder: Path) -> dict[str, Any]:
    rows = json.loads((folder / "summary.json").read_text())["advice"]
    return {row["rule"]: row for row in rows}


def test_both_are_advised_from_what_was_seen(advice: dict[str, Any]) -> None:
    assert list(advice) == ["rabbitmq-prefetch", "rabbitmq-confirms"]
    prefetch, confirms = advice.values()
    assert (prefetch["from"], prefetch["to"]) == (1, 200)
    assert (confirms["from"], confirms["to"]) == (1, 500)
    assert "at most 1 may be unsettled" in prefetch["evidence"]
    assert "of the 1 that may be" in confirms["evidence"]


def test_paired_trials_show_the_gain(folder: Path, advice: dict[str, Any]) -> None:
    confirms = advice["rabbitmq-confirms"]
    assert confirms["proved"], confirms["proof"]
    assert 1 < confirms["low"] <= confirms["gain"] <= confirms["high"]
    assert confirms["proof"]["after"] == "topology.groups.all.prefetch=200"
    arms = json.loads((folder / confirms["proof"]["folder"] / "summary.json").read_text())["candidates"]
    first, last = (_blocks(arms[name]) for name in ("rabbitmq", "2-rabbitmq-confirms"))
    assert len(first & last) >= 3  # of 5; who takes this machine away may cost some
    assert f"higher ({len(first & last)} blocks" in confirms["proof"]["together"]
    assert (
        advice["rabbitmq-prefetch"]["gain"] is not None
    )  # alone it may bring much or nothing: that is not for us to say


def test_the_proof_is_a_run_folder_whose_last_arm_is_healthy(folder: Path, advice: dict[str, Any]) -> None:
    home = folder / advice["rabbitmq-confirms"]["proof"]["folder"]
    check_run(home)
    assert (home / "report.html").is_file()
    summary = json.loads((home / "summary.json").read_text())
    assert list(summary["candidates"]) == ["rabbitmq", "1-rabbitmq-prefetch", "2-rabbitmq-confirms"]
    assert "2-rabbitmq-confirms" not in {row["candidate"] for row in summary["advice"]}
    check_run(folder)


def test_the_page_shows_it_later_without_a_broker(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / folder.name)
    (copy / "summary.json").unlink()
    assert render(load(copy)) == (folder / "report.html").read_text(encoding="utf-8")
