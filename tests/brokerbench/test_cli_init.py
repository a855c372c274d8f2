"""`init` writes what `validate` takes and what editors complete; it overwrites nothing."""

import json
from pathlib import Path

import pytest

from brokerbench.cli._main import run
from brokerbench.cli._scenario import load_scenario
from brokerbench.cli.schema import schema_text


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "file", "name"),
    [
        ([], "my-scenario.yaml", "my-scenario"),
        (["orders"], "orders.yaml", "orders"),
        (["orders-2.yml"], "orders-2.yml", "orders-2"),
    ],
)
def test_what_it_writes_is_good(arguments: list[str], file: str, name: str) -> None:
    assert run(["init", *arguments]) == 0
    assert load_scenario(file).scenario.scenario == name
    lines = Path(file).read_text().splitlines()
    assert lines[0] == "# yaml-language-server: $schema=brokerbench.schema.json"
    assert sum("#" in line for line in lines) >= 10


def test_the_schema_is_beside_it() -> None:
    run(["init"])
    assert Path("brokerbench.schema.json").read_text() == schema_text()
    assert json.loads(schema_text())["title"] == "brokerbench scenario"


def test_it_does_not_overwrite(capsys: pytest.CaptureFixture[str]) -> None:
    Path("orders.yaml").write_text("mine")
    assert run(["init", "orders"]) == 2
    assert Path("orders.yaml").read_text() == "mine"
    assert not Path("brokerbench.schema.json").exists()
    assert "not overwritten" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Not Good", "a_b", "nowhere/orders"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    assert run(["init", name]) == 2
    assert list(Path().iterdir()) == []


def test_schema_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert capsys.readouterr().out == schema_text()
