"""Each file in broken/ is wrong in one way; its first line says where, and why, as it must be told."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from brokerbench.cli._main import run
from brokerbench.cli._scenario import FEATURES, Drivers, Settings
from brokerbench_scenarios import ScenarioError, decode, read

FILES = sorted((Path(__file__).parent / "broken").glob("*.yaml"))
EXPECT = b"# expect: "

# Ends the process with a status of its own at the first socket that anything creates, resolves or connects.
NO_SOCKETS = """
import os, sys
def hook(event, arguments):
    if event.startswith("socket."):
        os.write(2, event.encode())
        os._exit(99)
sys.addaudithook(hook)
from brokerbench.cli import main
main(sys.argv[1:])
"""


def expected(file: Path) -> str:
    first = file.read_bytes().splitlines()[0]
    assert first.startswith(EXPECT), f"{file.name}: the first line must be `# expect: line:column: message`"
    return first.removeprefix(EXPECT).decode()


def _read(file: Path) -> None:
    text = decode(file.read_bytes(), name=file.name)
    read(text, name=file.name, drivers=Settings(Drivers()), env={}, features=FEATURES, folder=file.parent)


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 60
    reasons = {expected(file).partition(": ")[2] for file in FILES}
    assert len(reasons) >= 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_one_reason_at_its_place(file: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        _read(file)
    assert len(caught.value.problems) == 1
    problem = caught.value.problems[0]
    assert f"{problem.place}: {problem.message}" == f"{file.name}:{expected(file)}"
    assert "^" in problem.render()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_validate_ends_with_2_and_opens_no_socket(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert run(["validate", str(file)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"{file}:{expected(file)}")


@pytest.mark.parametrize("name", ["unknown-driver", "external-without-url", "not-utf-8", "unbuilt-faults"])
def test_validate_opens_no_socket_in_a_process_of_its_own(name: str) -> None:
    file = Path(__file__).parent / "broken" / f"{name}.yaml"
    done = _without_sockets("validate", str(file))
    assert done.returncode == 2, done.stderr
    assert expected(file) in done.stderr


@pytest.mark.parametrize("name", ["demo", "order-events"])
def test_validating_a_good_file_opens_none_either(name: str) -> None:
    done = _without_sockets("validate", name, "-o", "brokers={nats: {driver: nats}}")
    assert done.returncode == 0, done.stderr


def test_the_guard_would_see_a_socket() -> None:
    code = NO_SOCKETS.replace("main(sys.argv[1:])", "import socket; socket.socket()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 99


def _without_sockets(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", NO_SOCKETS, *arguments]
    environment = {key: value for key, value in os.environ.items() if key != "BROKERBENCH_TEST_UNSET"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
