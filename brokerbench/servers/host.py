"""What a server recipe works with: folder, logs, ports, processes, all in the guardian's hands."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .ports import free_port
from .recipe import NotAvailable, ServerProcess
from .roster import remove_folder

if TYPE_CHECKING:
    from .keeper import Guardian, Process

__all__ = ["Host"]

POLL_S = 0.02
LONGEST_LINE = 300
LAST_LINES = 12


class Host:
    """Implements ServerHost. `close` stops what was started and removes the folder."""

    folder: Path
    logs: Path

    def __init__(self, guardian: "Guardian", name: str, logs: Path, say: Callable[[str], None]) -> None:
        self._guardian = guardian
        self._say = say
        self._processes: list[Process] = []
        self.logs = logs
        logs.mkdir(parents=True, exist_ok=True)
        self.folder = _fresh(guardian.folder, re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "server")

    def spawn(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, log: str = "server.log") -> "Process":
        """Start a process in `folder`, its output to `logs/<log>`; `env` is added to ours. Raises NotAvailable."""
        try:
            process = self._guardian.spawn(argv, env=env, cwd=self.folder, stdout=self.logs / log)
        except OSError as error:
            why = error.strerror or str(error)
            raise NotAvailable(f"cannot start {argv[0]}: {why}; check that it is installed and may be run") from error
        self._processes.append(process)
        return process

    def free_port(self) -> int:
        """A port of 127.0.0.1, given to nobody else."""
        return free_port()

    def wait_until(self, ready: Callable[[], bool], process: ServerProcess, timeout_s: float, what: str) -> None:
        """Poll `ready` until true; an OSError in it (refused, no such file yet) means not yet.

        Raises NotAvailable with the last lines of the log if the process ends or time is up.
        """
        deadline = time.monotonic() + timeout_s
        last: OSError | None = None
        while True:
            ended = not process.alive()
            try:
                if not ended and ready():
                    return
            except OSError as error:
                last = error
            log = self._log(process)
            where = f"; the whole log: {log}" if log else ""
            if ended:
                self._guardian.check()  # if it is gone, the server is not to blame
                code = getattr(process, "returncode", None)
                raise NotAvailable(
                    f"{what}: the process ended with status {code} first; its log says why{where}{_tail(log)}"
                )
            if time.monotonic() > deadline:
                seen = f" (last seen: {last})" if last else ""
                hint = "try again when the machine is less busy"
                raise NotAvailable(f"{what}: not so after {timeout_s:g} s{seen}; {hint}{where}{_tail(log)}")
            time.sleep(POLL_S)

    def pids(self) -> list[int]:
        """Every living process of what was started here, daemons included."""
        found = self._guardian.pids()
        return [pid for process in self._processes for pid in found.get(process, ())]

    def say(self, text: str) -> None:
        """A line for the user: what is being waited for."""
        self._say(text)

    def close(self, grace_s: float = 10.0) -> None:
        """Stop what still runs, remove the folder; the logs stay."""
        self._guardian.stop(self._processes, grace_s)
        remove_folder(self.folder)

    def _log(self, process: ServerProcess) -> Path | None:
        return next((own.log for own in self._processes if own is process), None)


def _fresh(parent: Path, name: str) -> Path:
    """An empty folder; the same server started again gets another one."""
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            number += 1
        else:
            return folder


def _tail(log: Path | None) -> str:
    if log is None:
        return ""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "".join(f"\n  | {_cut(line)}" for line in lines[-LAST_LINES:])


def _cut(line: str) -> str:
    """Erlang puts a whole state on one line."""
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} ..."
