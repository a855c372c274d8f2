"""The built wheel, outside the checkout: all rooms are in it, with their data files, and a scenario runs."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCENARIO = """
scenario: outside
brokers: {ring: {driver: "null"}}
message: {size: 100B}
delivery: {guarantee: at-most-once, survives: nothing}
load: {model: open, warmup: 200ms, stages: [{steady: 1s, rate: 500/s}]}
repeats: {blocks: 1}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built, home = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built], cwd=ROOT, check=True)
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(home)
    return home


def call(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line with the wheel's files before everything else; children inherit that."""
    command = [sys.executable, "-P", "-m", "brokerbench", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=90, check=False)


def test_only_our_packages_are_in_it(installed: Path) -> None:
    packages = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert packages == {
        "brokerbench",
        "brokerbench_analysis",
        "brokerbench_drivers",
        "brokerbench_reports",
        "brokerbench_scenarios",
    }


def test_what_is_known_of_each_broker_is_in_it(installed: Path) -> None:
    kept = {path.relative_to(ROOT / "drivers") for path in (ROOT / "drivers").rglob("*qualities.yaml")}
    assert kept
    assert {path.relative_to(installed) for path in installed.rglob("*qualities.yaml")} == kept


def test_compose_files_are_in_it(installed: Path) -> None:
    inside = {path.name: path.read_bytes() for path in (installed / "brokerbench_drivers" / "compose").glob("*.yml")}
    assert inside == {path.name: path.read_bytes() for path in (ROOT / "compose").glob("*.yml")}


def test_a_scenario_runs_from_it(installed: Path, tmp_path: Path) -> None:
    where = [sys.executable, "-P", "-c", "import brokerbench_reports; print(brokerbench_reports.__file__)"]
    found = subprocess.run(
        where,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(installed)
    (tmp_path / "outside.yaml").write_text(SCENARIO)
    assert call(installed, tmp_path, "validate", "compare-brokers").returncode in (0, 2)  # 2 where no client is here
    ran = call(installed, tmp_path, "run", "outside.yaml", "--json")
    assert ran.returncode in (0, 3), ran.stderr  # 3: a busy machine makes no valid trial, but the wheel is whole
    last = json.loads(ran.stdout.splitlines()[-1])
    assert last["exit_status"] == ran.returncode
    *_, trial = last["summary"]["candidates"]["ring"]["trials"]  # those before it were disturbed
    assert trial["ledger"]["unique"] == trial["ledger"]["sent"] > 0
    [page] = tmp_path.glob("results/*/report.html")
    assert page.stat().st_size > 10_000
