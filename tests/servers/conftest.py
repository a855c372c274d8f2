"""Real processes, and the promise that a failed test leaves none of them behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from brokerbench.servers import Guardian, proctree, roster
from tests.support.patience import until as until_true

DEADLINE_S = 20.0  # generous: this is a limit for a broken program, not a figure

# Leaves its tree as a daemon does: two forks, a session of its own, deaf to every polite signal. It listens on a port
# and writes "pid port" to the file named by its argument.
DAEMON = """
import os, signal, socket, sys, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(signum, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{os.getpid()} {listener.getsockname()[1]}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    time.sleep(3600)
"""

# A main process. It starts a child, a stubborn one, a daemon, and a daemon with an empty environment, then tells.
MAIN = """
import json, os, signal, sys, time
from pathlib import Path
from brokerbench.servers import Guardian
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests behind nohup or & passes on that both are ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
daemon, out = sys.argv[1:]
with Guardian() as guardian:
    told = [guardian.folder / "daemon", guardian.folder / "bare"]
    shells = [
        guardian.spawn(["sleep", "3600"]),
        guardian.spawn(["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 3600; done"]),
        guardian.spawn([sys.executable, "-c", daemon, str(told[0])]),
        guardian.spawn(["sh", "-c", 'env -i "$0" -c "$1" "$2"; sleep 3600', sys.executable, daemon, str(told[1])]),
    ]
    while not all(path.exists() for path in told):
        time.sleep(0.01)
    shells[2].wait(20)  # a daemon's root is gone once the daemon is there
    pairs = [path.read_text().split() for path in told]
    facts = {
        "run": guardian._run,
        "folder": str(guardian.folder),
        "guardian": guardian.pid,
        "roots": [shell.pid for shell in shells if shell.alive()],
        "daemons": [int(pid) for pid, _ in pairs],
        "ports": [int(port) for _, port in pairs],
    }
    guardian.pids()  # a monitor does this once a second
    Path(out + ".new").write_text(json.dumps(facts))
    os.rename(out + ".new", out)
    sys.stdin.read()  # until the test lets go, or kills
"""

Until = Callable[..., None]


def _until(condition: Callable[[], object], what: str, timeout_s: float = DEADLINE_S) -> None:
    until_true(condition, what, timeout_s)


@pytest.fixture
def until() -> Until:
    """Wait for a condition; fail when it does not come true."""
    return _until


@pytest.fixture
def daemon() -> str:
    """A Python program that becomes a stubborn daemon: arguments: the file in which it tells its pid and port."""
    return DAEMON


def _sweep(run: str, *words: Path) -> None:
    """What code that is broken would leave: processes with our mark, or with one of these folders in their command."""
    found = {proc.pid: proc for proc in proctree.marked(run)}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_bytes()
            proc = proctree.living(int(path.parent.name))
            if proc and proc.pid != os.getpid() and any(os.fsencode(word) in command for word in words):
                found[proc.pid] = proc
    for proc in found.values():
        proctree.send(proc, signal.SIGKILL)


@pytest.fixture
def guardian(tmp_path: Path) -> Iterator[Guardian]:
    guardian = Guardian()
    try:
        with guardian:
            yield guardian
    finally:
        _sweep(guardian._run, guardian.folder, tmp_path)


@dataclass
class OtherMain:
    """A main process of its own, with everything a run may have going."""

    popen: "subprocess.Popen[bytes]"
    run: str
    folder: Path
    guardian: int
    roots: list[int]
    daemons: list[int]  # the second one carries no mark of ours
    ports: list[int]

    @property
    def pids(self) -> list[int]:
        return self.roots + self.daemons


@pytest.fixture
def other_main(tmp_path: Path) -> Iterator[OtherMain]:
    out = tmp_path / "facts.json"
    with subprocess.Popen([sys.executable, "-c", MAIN, DAEMON, str(out)], stdin=subprocess.PIPE) as popen:
        facts = {}
        try:
            _until(lambda: out.exists() or popen.poll() is not None, "the main process has started everything")
            facts = json.loads(out.read_text())
            facts["folder"] = Path(facts["folder"])
            yield OtherMain(popen, **facts)
        finally:
            popen.kill()
            if facts:
                _sweep(facts["run"], facts["folder"])
                roster.remove_folder(facts["folder"])
