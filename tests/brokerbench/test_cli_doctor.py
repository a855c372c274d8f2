"""`doctor`: each finding with its mark, and what to do about those that are not fine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import brokerbench_drivers
from brokerbench.cli import doctor
from brokerbench.cli._main import run
from brokerbench.servers import Availability

READY = Availability(ready=True, what="Fast 1.0")
FETCHABLE = Availability(ready=False, fetchable=True, download_mb=12.5, what="Fast 1.0")
ABSENT = Availability(ready=False, what="no fast-server here: apt-get install fast")


@dataclass
class Recipe:
    found: Availability

    def available(self) -> Availability:
        return self.found


@dataclass
class Described:
    """What doctor looks at in a driver."""

    servers: Mapping[Any, Recipe]
    title: str = "Fast"
    extra: str = "fast"
    clients: Mapping[str, str] = field(default_factory=lambda: {"fast-py": "numpy"})


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The registry knows one driver, called as given."""
    from brokerbench.model import ServerKind

    def install(found: Availability, *, name: str = "fast", module: str = "numpy") -> None:
        driver = Described({ServerKind.EMBEDDED: Recipe(found)}, clients={"fast-py": module})
        monkeypatch.setattr(brokerbench_drivers, "names", lambda: (name,))
        monkeypatch.setattr(brokerbench_drivers, "load", lambda _: driver)

    return install


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_one_that_can_run_is_enough(only: Any, capsys: pytest.CaptureFixture[str]) -> None:
    only(READY)
    assert run(["doctor"]) == 0
    out = told(capsys)
    assert "  ok       client fast-py: " in out
    assert "  ok       server embedded: Fast 1.0" in out
    assert "1 of the brokers can be run here." in out


def test_one_that_can_be_fetched_is_enough_too(only: Any, capsys: pytest.CaptureFixture[str]) -> None:
    only(FETCHABLE)
    assert run(["doctor"]) == 0
    assert "-> the first run fetches 12.5 MB" in told(capsys)


def test_no_server_is_told_with_the_line_that_installs_one(only: Any, capsys: pytest.CaptureFixture[str]) -> None:
    only(ABSENT)
    assert run(["doctor"]) == 1
    out = told(capsys)
    assert "  missing  server embedded: no fast-server here: apt-get install fast" in out
    assert "No broker can be run here." in out


def test_no_client_is_told_with_the_extra(only: Any, capsys: pytest.CaptureFixture[str]) -> None:
    only(READY, module="not_installed_anywhere")
    assert run(["doctor"]) == 1
    assert "-> pip install 'brokerbench[fast]'" in told(capsys)


@pytest.mark.parametrize("name", ["null", "simulated"])
def test_what_measures_ourselves_is_no_broker(only: Any, name: str) -> None:
    only(READY, name=name)
    assert run(["doctor"]) == 1


def test_the_machine_is_looked_at(only: Any, capsys: pytest.CaptureFixture[str]) -> None:
    only(READY)
    run(["doctor"])
    out = told(capsys)
    for what in (
        "Python",
        "Java",
        "CPU",
        "disk for results",
        "open files",
        "clock source",
        "CPU governor",
        "killed run",
    ):
        assert f" {what}" in out


@pytest.mark.parametrize(
    ("governors", "mark", "found"),
    [
        ([], doctor.Mark.OK, "none to set"),
        (["performance", "performance"], doctor.Mark.OK, "performance"),
        (["powersave", "performance"], doctor.Mark.WARN, "performance, powersave"),
    ],
)
def test_the_governor(
    governors: list[str], mark: doctor.Mark, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(governors):
        path = tmp_path / f"cpu/cpu{number}/cpufreq/scaling_governor"
        path.parent.mkdir(parents=True)
        path.write_text(f"{name}\n")
    monkeypatch.setattr(doctor, "_SYS", tmp_path)
    check = doctor._governor()
    assert check.mark is mark
    assert found in check.found
    assert bool(check.todo) is (mark is doctor.Mark.WARN)


@pytest.mark.parametrize(("source", "mark"), [("tsc", "ok"), ("hpet", "warn"), (None, "warn")])
def test_the_clock(source: str | None, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clocksource/clocksource0/current_clocksource"
    path.parent.mkdir(parents=True)
    if source:
        path.write_text(source)
    monkeypatch.setattr(doctor, "_SYS", tmp_path)
    assert doctor._clock().mark.value == mark


@pytest.mark.parametrize(("limit", "mark"), [(1024, "warn"), (4096, "ok"), (-1, "ok")])
def test_open_files(limit: int, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (limit, 1_048_576))
    check = doctor._open_files()
    assert check.mark.value == mark
    assert check.todo == ("ulimit -n 1048576" if mark == "warn" else "")


@dataclass
class Left:
    folder: Path
    alive: tuple[int, ...] = (7, 8)
    goes: bool = True

    def remove(self) -> bool:
        return self.goes


def test_leftovers_are_named_and_removed_when_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    left = Left(tmp_path / "run")
    monkeypatch.setattr(doctor, "leftovers", lambda: [left])
    (named,) = doctor._leftovers(remove=False)
    assert named.found == f"{tmp_path}/run, 2 processes alive"
    assert named.todo == "brokerbench doctor --remove-leftovers"
    (removed,) = doctor._leftovers(remove=True)
    assert removed.mark is doctor.Mark.OK
    left.goes = False
    (stayed,) = doctor._leftovers(remove=True)
    assert stayed.mark is doctor.Mark.WARN
