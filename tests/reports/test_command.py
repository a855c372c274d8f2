"""`brokerbench report`, as a user calls it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from brokerbench.cli import main


@pytest.fixture
def folder(folder_of: Callable[[str], Path], tmp_path: Path) -> Path:
    copy = shutil.copytree(folder_of("one"), tmp_path / "results" / "run of today")
    (copy / "report.html").unlink()
    return copy


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main(["report", *map(str, arguments)])
    return int(left.value.code or 0)


def test_writes_the_page_into_the_folder_and_prints_its_link(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(folder) == 0
    assert capsys.readouterr().out.strip() == (folder / "report.html").as_uri()
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not list(folder.glob(".report*"))


@pytest.mark.parametrize("fmt", ["md", "json", "csv"])
def test_other_formats_and_places(fmt: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / f"out.{fmt}"
    assert call(folder, "--format", fmt, "-o", target) == 0
    assert capsys.readouterr().out.strip() == str(target)
    assert call(folder, "--format", fmt, "-o", "-") == 0
    assert capsys.readouterr().out == target.read_text(encoding="utf-8")


def test_an_empty_folder_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path) == 2
    told = capsys.readouterr().err.strip()
    assert "run.json" in told
    assert "brokerbench run" in told
    assert "\n" not in told


def test_no_folder_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path / "none") == 2
    assert "there is nothing of that name; give a folder" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"schema": 99})])
def test_a_folder_that_is_no_run_is_bad_input(content: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(content)
    assert call(tmp_path) == 2


def test_a_place_that_cannot_be_written_is_bad_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(folder, "-o", folder / "nowhere" / "page.html") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_several_files_go_into_a_folder(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(folder, "--format", "parquet") == 0
    assert capsys.readouterr().out.splitlines() == [str(folder / f"{name}.parquet") for name in ("trials", "seconds")]
    assert call(folder, "--format", "parquet", "-o", tmp_path / "new" / "place") == 0
    assert (tmp_path / "new" / "place" / "trials.parquet").read_bytes() == (folder / "trials.parquet").read_bytes()
    assert call(folder, "--format", "parquet", "-o", "-") == 2
    assert "name a folder for them with -o" in capsys.readouterr().err


def test_a_format_that_the_run_cannot_fill_is_bad_input(
    folder_of: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(folder_of("excluded"), "--format", "hlog") == 2
    assert "no trial of this run holds latencies" in capsys.readouterr().err
