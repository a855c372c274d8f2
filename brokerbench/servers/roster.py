"""The list on disk of what a guardian started, so that `doctor` finds what a crash of all of us left behind."""

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .proctree import RUN, Proc, living, mark_of, marked, send

__all__ = ["FILE", "PREFIX", "Leftover", "Roster", "leftovers", "remove_folder"]

FILE = "processes.json"
PREFIX = "brokerbench-"


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _pid_space() -> str:
    """Pids of another container mean nothing here, though its temporary folder may be shared with us."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def identity(pid: int) -> dict[str, int] | None:
    """Pid and start time, which together name one process."""
    proc = living(pid)
    return {"pid": pid, "start": proc.start} if proc and proc.living else None


class Roster:
    """Writes the list; the guardian calls it at every start and end of a process."""

    def __init__(self, folder: Path, run: str, main: int, guardian: int | None) -> None:
        self._path = folder / FILE
        self._head = {
            "schema": 1,
            "run": run,
            "boot": _boot(),
            "pid_space": _pid_space(),
            "main": identity(main),
            "guardian": identity(guardian) if guardian else None,
        }

    def write(self, processes: Sequence[dict[str, Any]]) -> None:
        """`processes`: pid, start, argv0, marker of each. A full disk must not stop the guardian: then it is stale."""
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            fresh.write_text(json.dumps({**self._head, "processes": list(processes)}))
            os.replace(fresh, self._path)


def remove_folder(folder: Path, timeout_s: float = 5.0) -> bool:
    """Remove a folder of ours; again, while something still writes there. True when it is gone."""
    deadline = time.monotonic() + timeout_s
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)


@dataclass(frozen=True)
class Leftover:
    """A temporary folder whose main and guardian are gone, and what of theirs still lives."""

    folder: Path
    run: str
    alive: tuple[Proc, ...]

    def remove(self, timeout_s: float = 5.0) -> bool:
        """Kill what lives, remove the folder. True when nothing is left."""
        deadline = time.monotonic() + timeout_s
        alive: Sequence[Proc] = self.alive
        while alive and time.monotonic() < deadline:
            for proc in alive:
                send(proc, signal.SIGKILL)
            time.sleep(0.02)
            alive = marked(self.run) if self.run else []
        return not alive and remove_folder(self.folder)


def _there(who: dict[str, int] | None) -> bool:
    return who is not None and identity(who["pid"]) == who


def _leftover(folder: Path) -> Leftover | None:
    try:
        if folder.stat().st_uid != os.geteuid():
            return None
        told = json.loads((folder / FILE).read_text())
        run, main, guardian, listed = told["run"], told["main"], told["guardian"], told["processes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not ours, not readable, or being removed at this moment
    if told.get("boot") != _boot():
        return Leftover(folder, run, ())  # nothing outlives a boot
    if told.get("pid_space") != _pid_space() or _there(main) or _there(guardian):
        return None
    alive = {proc.pid: proc for proc in marked(run)}
    for entry in listed:
        proc = living(entry["pid"])
        if proc and proc.living and proc.start == entry["start"] and mark_of(proc.pid, RUN) in ("", run):
            alive[proc.pid] = proc
    return Leftover(folder, run, tuple(alive[pid] for pid in sorted(alive)))


def leftovers(where: Path | None = None) -> list[Leftover]:
    """What runs that were cut off left in the temporary folder (`where`: another than the system's)."""
    where = where or Path(tempfile.gettempdir())
    found = (_leftover(folder) for folder in sorted(where.glob(PREFIX + "*")) if folder.is_dir())
    return [leftover for leftover in found if leftover]
