"""`up` and `down`: a server that stays, is found again, and of which nothing is left."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from brokerbench.cli._kept import Kept
from brokerbench.servers import leftovers
from brokerbench.servers.proctree import marked
from tests.conformance.lab import until
from tests.support.absent import require
from tests.support.live import command

BIN = "nats-server"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """State and data in folders of this test; whatever it leaves up is taken down."""
    for name, folder in (("XDG_STATE_HOME", "state"), ("TMPDIR", "data")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    yield tmp_path
    told("down")


def told(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*words), capture_output=True, text=True, check=False, timeout=120)


def up_nats(*words: str) -> Kept:
    require("nats")
    done = told("up", "nats", *words)
    assert done.returncode == 0, done.stderr
    kept = Kept.read("nats")
    assert kept is not None
    return kept


def greeting(kept: Kept) -> bytes:
    """The first word of the server that the url names."""
    parts = urlsplit(kept.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as client:
        return client.recv(4)


def refused(kept: Kept) -> bool:
    try:
        greeting(kept)
    except OSError:
        return True
    return False


def nothing_left(home: Path) -> None:
    assert list((home / "data").iterdir()) == []
    assert [str(path) for path in (home / "state").rglob("*.json")] == []


def test_up_prints_what_a_scenario_needs_and_down_leaves_nothing(home: Path) -> None:
    require("nats")
    done = told("up", "nats")
    assert done.returncode == 0, done.stderr
    kept = Kept.read("nats")
    assert kept is not None
    assert f'nats: {{driver: nats, url: "{kept.url}"}}' in done.stdout
    assert "brokerbench down nats" in done.stdout
    assert kept.about["version"] in done.stdout
    assert greeting(kept) == b"INFO"
    assert (home / "state/brokerbench/up/nats.json").stat().st_mode & 0o077 == 0, "its url may hold a password"

    ended = told("down", "nats")
    assert ended.returncode == 0
    assert ended.stdout == "nats is down; its data is gone\n"
    assert refused(kept)
    nothing_left(home)


def test_the_url_is_one_that_run_takes(home: Path) -> None:
    kept = up_nats()
    (home / "it.yaml").write_text(
        f"scenario: it\nbrokers: {{it: {{driver: nats, mode: core, url: '{kept.url}'}}}}\nmessage: {{size: 100B}}\n"
        "delivery: {guarantee: at-most-once}\nrepeats: {blocks: 1}\n"
        "load: {model: open, warmup: 100ms, stages: [{steady: 500ms, rate: 100/s}], drain: 1s}\n"
    )
    done = told("run", str(home / "it.yaml"), "--results", str(home / "results"))
    assert done.returncode in (0, 3), done.stdout + done.stderr  # 3: so short a load proves little
    assert "lost 0" in done.stdout


def test_a_name_is_up_once() -> None:
    kept = up_nats()
    again = told("up", "nats")
    assert again.returncode == 1
    assert again.stderr == kept.text + "\n"
    assert greeting(kept) == b"INFO"


def test_settings_are_the_drivers_own() -> None:
    wrong = told("up", "nats", "-o", "mode=coral")
    assert wrong.returncode == 2
    assert "core, jetstream" in wrong.stderr
    up_nats("-o", "mode=jetstream", "-o", "storage=memory")


def test_doctor_shows_what_is_up() -> None:
    kept = up_nats()
    assert f"server up: {kept.text}" in told("doctor").stdout


def test_a_killed_keeper_takes_its_server_along_and_is_forgotten(home: Path) -> None:
    kept = up_nats()
    os.kill(kept.keeper["pid"], signal.SIGKILL)
    until(lambda: refused(kept), "its server is gone")
    until(lambda: not list((home / "data").iterdir()), "its data is gone")
    assert told("down", "nats").returncode == 2
    assert not leftovers(home / "data")
    assert up_nats().keeper != kept.keeper


def test_a_server_that_dies_ends_its_keeper(home: Path) -> None:
    kept = up_nats()
    for pid in servers_of(kept):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not kept.alive, "the keeper has ended")
    nothing_left(home)


def servers_of(kept: Kept) -> list[int]:
    """Processes below the keeper that run the server's binary."""
    run = run_of(kept)
    return [proc.pid for proc in marked(run) if BIN in Path(f"/proc/{proc.pid}/cmdline").read_text().split("\0")[0]]


def run_of(kept: Kept) -> str:
    """The mark of the keeper's run, from the environment of its guardian."""
    children = Path(f"/proc/{kept.keeper['pid']}/task/{kept.keeper['pid']}/children").read_text().split()
    words = Path(f"/proc/{children[0]}/environ").read_text().split("\0")
    return next(word.partition("=")[2] for word in words if word.startswith("BROKERBENCH_RUN="))


def test_in_the_foreground_ctrl_c_ends_it(home: Path) -> None:
    require("nats")
    with subprocess.Popen(command("up", "nats", "--foreground"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "is up at nats://" in process.stdout.readline()
        kept = Kept.read("nats")
        assert kept is not None
        assert kept.keeper["pid"] == process.pid
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert refused(kept)
    nothing_left(home)


def test_a_server_that_does_not_come_up_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that has the right name, says its version, and ends."""
    (home / "bin").mkdir()
    program = home / "bin" / BIN
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "nats-server: v2.15.1" && exit 0\necho broken >&2\nexit 3\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    done = told("up", "nats", "--kind", "native")
    assert done.returncode == 1, done.stderr
    assert "ended with status 3" in done.stderr
    assert "| broken" in done.stderr
    assert "Traceback" not in done.stderr
    nothing_left(home)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("up", "rabbit"), "no driver is called 'rabbit'"),
        (("up", "zeromq"), "ZeroMQ has no server"),
        (("up", "nats", "--nodes", "3", "--version", "1"), "nats cannot come up"),
        (("down", "nats"), "no server called 'nats' is up; nothing is up"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(home: Path, words: Sequence[str], said: str) -> None:
    done = told(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    nothing_left(home)


def test_compose_without_an_engine_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/nobody.sock")
    done = told("up", "nats", "--kind", "compose")
    assert done.returncode == 2
    assert "no container engine answers" in done.stderr


def test_down_of_nothing_is_fine() -> None:
    done = told("down")
    assert (done.returncode, done.stdout) == (0, "nothing is up\n")
