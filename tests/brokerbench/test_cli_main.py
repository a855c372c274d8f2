"""The command line as a whole: what is imported when, exit statuses, and what an unexpected error looks like."""

import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from brokerbench import cli
from brokerbench.cli._errors import BadInput
from brokerbench.cli._main import group, run


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "brokerbench"


def broken_command(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """`demo` becomes a command that raises."""

    @click.command("demo")
    def command() -> None:
        raise error

    monkeypatch.setattr("brokerbench.cli._main.load_command", lambda _: command)


def test_every_command_of_the_table_is_there() -> None:
    for name, (module, _) in cli.COMMANDS.items():
        assert find_spec(module) is not None, name
        command = cli.load_command(name)
        assert command is not None
        assert command.name == name


def test_a_module_that_is_missing_does_not_break_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "tune", ("brokerbench.cli.not_there", "Not there."))
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    assert "validate" in told
    assert "tune" not in told
    assert run(["tune"]) == 2


def test_help_imports_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("brokerbench.cli._main.load_command", asked.append)
    assert run(["--help"]) == 0
    assert asked == []


@pytest.mark.parametrize("arguments", [["vlaidate"], ["validate"], ["validate", "demo", "--nonsense"], ["--nonsense"]])
def test_misuse_ends_with_2(arguments: list[str]) -> None:
    assert run(arguments) == 2


def test_a_misspelt_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    run(["vlaidate"])
    assert "Did you mean 'validate'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status"),
    [(BadInput("no"), 2), (click.ClickException("no"), 1), (KeyboardInterrupt(), 130), (ValueError("no"), 1)],
)
def test_errors_have_their_status(
    error: BaseException, status: int, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_command(monkeypatch, error)
    assert run(["demo"]) == status


@pytest.mark.parametrize("status", [0, 1, 3, 4])
def test_what_a_command_returns_is_the_status(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    command = click.Command("demo", callback=lambda: status)
    monkeypatch.setattr("brokerbench.cli._main.load_command", lambda _: command)
    with pytest.raises(SystemExit) as left:
        cli.main(["demo"])
    assert left.value.code == status


def test_an_unexpected_error_is_one_line_and_a_log(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken_command(monkeypatch, ZeroDivisionError("by nothing\nat all"))
    assert run(["demo"]) == 1
    told = capsys.readouterr().err
    (log,) = state.iterdir()
    assert told.splitlines()[0] == "brokerbench: unexpected ZeroDivisionError: by nothing"
    assert str(log) in told
    assert "Traceback" not in told
    assert "Traceback" in log.read_text()


def test_debug_prints_the_traceback(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken_command(monkeypatch, ZeroDivisionError("by nothing"))
    assert run(["--debug", "demo"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_log_goes_to_the_temporary_folder_where_the_state_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(file))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    broken_command(monkeypatch, ZeroDivisionError("by nothing"))
    run(["demo"])
    (log,) = tmp_path.glob("error-*.log")
    assert str(log) in capsys.readouterr().err


def test_the_group_alone_is_the_bare_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert group.main([], standalone_mode=False) == 0
    through_click = capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 0
    assert capsys.readouterr().out == through_click


def test_arguments_come_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["brokerbench", "--version"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
