"""The real command in a process of its own, everything that it started, and proof that all of it has gone."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from brokerbench.servers import proctree
from tests.support.running import until

__all__ = ["Live", "command", "live_run"]

GONE_S = 5.0
ENDS_S = 120.0  # a hang's limit: a run that goes on reads back, tidies up and draws its page
PROGRAM = "import sys; from brokerbench.cli import main; main(sys.argv[1:])"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-c", PROGRAM, *arguments]


def lives(pid: int, start: int) -> bool:
    proc = proctree.living(pid)
    return proc is not None and proc.living and proc.start == start


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Live:
    """A run on its way. `note` remembers all its processes and ports, so that their end can be seen."""

    popen: "subprocess.Popen[str]"
    results: Path
    log: Path
    run: str = ""  # the guardian's mark
    temporary: Path = Path()
    guardian: int = 0
    pids: dict[int, int] = field(default_factory=dict)  # pid -> start
    names: dict[int, str] = field(default_factory=dict)
    ports: set[int] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        [folder] = self.results.glob("*/")
        return folder

    def says(self) -> str:
        return self.log.read_text(errors="replace")

    def waits(self, holds, what: str, deadline_s: float = 90.0):
        """As `until`; fails at once when the program ends first."""

        def check():
            found = holds()
            if not found:
                assert self.popen.poll() is None, f"ended with {self.popen.returncode} before: {what}\n{self.says()}"
            return found

        return until(check, what, deadline_s)

    def in_load(self, finished: int = 0) -> str:
        """Wait until that many trials are done and the next one's messages arrive; returns its id."""
        self.waits(lambda: len(list(self.results.glob("*/trials/[!.]*"))) >= finished, f"{finished} finished trials")
        self._find_guardian()
        # A consumer makes its bitmap file at the first message of the load (canaries leave none).
        [first, *_] = self.waits(lambda: list(self.temporary.glob("ledger-*/*.from-*.bits")), "messages arrive")
        return str(first.parent.name.removeprefix("ledger-"))

    def note(self) -> None:
        found = {proc.pid: proc.start for proc in proctree.marked(self.run)}
        for process in psutil.Process(self.popen.pid).children(recursive=True):
            proc = proctree.living(process.pid)
            if proc:
                found[proc.pid] = proc.start
        self.pids = found
        for pid in found:
            try:
                process = psutil.Process(pid)
                self.names[pid] = " ".join([process.name(), *process.cmdline()[1:6]])
                self.ports |= {c.laddr.port for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
            except psutil.NoSuchProcess:
                continue
        assert self.guardian in found

    def child(self, name: str) -> int:
        """The pid of a load process, by the log that it writes to."""
        for pid in self.pids:
            try:
                if os.readlink(f"/proc/{pid}/fd/1").endswith(f"/{name}.log"):
                    return pid
            except OSError:
                continue
        raise AssertionError(f"no child {name} among {self.names}")

    def ends(self) -> int:
        """Its exit status."""
        return self.popen.wait(ENDS_S)

    def all_gone(self) -> None:
        """Within seconds no process, port or temporary folder of this run is there."""

        def left() -> list[str]:
            return [self.names.get(pid, str(pid)) for pid, start in self.pids.items() if lives(pid, start)]

        until(lambda: not left(), "nothing of the run lives", GONE_S)
        until(lambda: not any(map(listens, self.ports)), "its ports are free", GONE_S)
        until(lambda: not self.temporary.exists(), "its temporary folder is removed", GONE_S)
        assert proctree.marked(self.run) == []

    def _find_guardian(self) -> None:
        def find() -> bool:
            for process in psutil.Process(self.popen.pid).children():
                line = process.cmdline()
                if "brokerbench.servers.guardian" in line:
                    self.guardian, self.run, self.temporary = process.pid, line[-2], Path(line[-1])
                    return True
            return False

        self.waits(find, "the guardian is there")


@contextmanager
def live_run(scenario: str, home: Path, *options: str) -> Iterator[Live]:
    """`brokerbench run` on this text; whatever the test does, nothing of it is left afterwards."""
    file, log, results = home / "scenario.yaml", home / "output.log", home / "results"
    file.write_text(scenario, encoding="utf-8")
    with log.open("w") as out:
        popen = subprocess.Popen(
            command("run", str(file), "--results", str(results), "--seed", "5", *options),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=home,
            start_new_session=True,  # the test's own terminal is not its terminal
        )
    live = Live(popen, results, log)
    try:
        yield live
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait()
        for pid, start in live.pids.items():
            if lives(pid, start):
                os.kill(pid, signal.SIGKILL)
