"""`brokerbench compare`, as a user calls it."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench.cli import main
from tests.analysis.folders import Behaviour, Broker, write_run

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write("a", end_to_end_ms=2, kernel="6") -> a run folder of that name."""

    def make(name: str, *, end_to_end_ms: float = 2, version: str = "1.0.0", **environment: Any) -> Path:
        brokers = [Broker("nats", Behaviour(end_to_end_ms=end_to_end_ms), version=version)]
        folder = write_run(tmp_path / name, brokers, rate=250, blocks=4, seed=len(list(tmp_path.iterdir())) + 1)
        run = json.loads((folder / "run.json").read_text())
        run["environment"] |= environment
        (folder / "run.json").write_text(json.dumps(run))
        return folder

    return make


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main(["compare", *map(str, arguments)])
    return int(left.value.code or 0)


def row(text: str, figure: str) -> list[str]:
    """The cells of the first row with that figure."""
    (line, *_) = [line for line in text.splitlines() if figure in line]
    return line.split(figure)[1].split()


def test_before_and_after(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = write("before", end_to_end_ms=6), write("after", end_to_end_ms=2, version="1.1.0")
    assert call(before, after) == 0
    told = capsys.readouterr().out
    assert f"A  {before}, started 2026" in told
    assert "note: nats: broker's version: 1.0.0 in A, 1.1.0 in B" in told
    a, b, ratio, interval, claim = row(told, "end-to-end p99, ms")
    assert float(a) > float(b)
    assert float(ratio) == pytest.approx(1 / 3, rel=0.15)
    low, high = map(float, interval.split("–"))
    assert low < float(ratio) < high < 1
    assert claim == "lower"
    assert row(told, "throughput, msg/s")[-2:] == ["(no", "difference)"]
    assert "by more than chance within these runs explains" in " ".join(told.split())
    assert row(told, "lost messages")[:2] == ["0", "0"]


def test_another_machine_is_refused_line_by_line(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    folders = write("a", cpu="Quick"), write("b", cpu="Slow", kernel="7"), write("c", cpu="Quick", governor="new")
    assert call(*folders) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "B cannot be compared with A: CPU: Quick, 2 cores in A, Slow, 2 cores in B",
        "B cannot be compared with A: kernel: 6 in A, 7 in B",
        "Nothing was compared; --force shows the figures all the same.",
    ]


def test_force_compares_and_says_what_differs(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(write("a"), write("b", kernel="7"), "--force") == 0
    told = capsys.readouterr().out
    assert "not comparable: kernel: 6 in A, 7 in B" in told
    assert row(told, "end-to-end p99, ms")[-2:] == ["not", "comparable"]
    assert "nats: no claim: the runs differ in kernel" in told


def test_three_runs_each_against_the_first(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(write("a"), write("b"), write("c")) == 0
    told = capsys.readouterr().out
    assert "B / A" in told
    assert "C / A" in told
    assert "C / B" not in told


def test_json_holds_all(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = write("a"), write("b", end_to_end_ms=6)
    assert call(a, b, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["comparable"] is True
    assert found["runs"]["B"]["folder"] == str(b)
    assert found["differences"] == {"B": []}
    first = found["changes"]["B"][0]
    assert (first["candidate"], first["metric"], first["claim"]) == ("nats", "end_to_end.p99", "worse")
    assert first["text"] == "higher"
    assert "chance within these runs" in found["note"]
    assert first["low"] < first["ratio"] < first["high"]
    assert first["trials"] == [4, 4]


def test_json_of_a_refusal_says_why(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(write("a"), write("b", kernel="7"), "--json") == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["comparable"], found["refused"], found["changes"]) == (False, True, {})
    assert found["differences"]["B"] == [{"what": "kernel", "a": "6", "b": "7", "blocks_comparison": True}]


def test_one_folder_is_too_few(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(write("a")) == 2
    assert "two run folders" in capsys.readouterr().err


def test_what_is_no_run_is_bad_input(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(write("a"), tmp_path / "none") == 2
    assert "there is nothing of that name" in capsys.readouterr().err


def test_nothing_in_common_is_bad_input(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write_run(tmp_path / "other", [Broker("kafka")], rate=250, blocks=2)
    assert call(write("a"), other) == 2
    assert "no candidate of the same name" in capsys.readouterr().err


def test_a_gate_that_fails_is_exit_4_and_written_for_ci(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = write("before", end_to_end_ms=2), write("after", end_to_end_ms=6)
    xml, md = tmp_path / "gates.xml", tmp_path / "gates.md"
    asked = ["--fail-on", "end_to_end.p99 > +10%", "--fail-on", "lost > 0"]
    assert call("--baseline", before, after, *asked, "--junit", xml, "--markdown", md) == 4
    told = capsys.readouterr().out
    assert "gate failed: B, nats: end_to_end.p99 > +10%: end-to-end p99 changed by +" in told
    assert "gate passed: B, nats: lost > 0: lost messages: 0" in told
    suite = ET.parse(xml).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    [failure] = suite.iter("failure")
    assert "changed by +" in str(failure.get("message"))
    page = md.read_text()
    assert page.startswith("## brokerbench: 1 of 2 gates do not hold")
    assert "| after | nats | end\\_to\\_end.p99 &gt; +10% | **failed** |" in page


def test_gates_that_hold_are_exit_0(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(write("before", end_to_end_ms=6), write("after"), "--fail-on", "end_to_end.p99 > +10%", "--json") == 0
    assert [g["state"] for g in json.loads(capsys.readouterr().out)["gates"]] == ["passed"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--fail-on", "p99 > +10%"], "--fail-on knows no figure 'p99'"),
        (["--junit", "gates.xml"], "add --fail-on"),
        (["--fail-on", "lost > 0", "--junit", "no/such/folder/gates.xml"], "cannot be written"),
    ],
)
def test_bad_gates_are_bad_input(
    write: Write, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(write("before"), write("after"), *options) == 2
    assert says in capsys.readouterr().err
