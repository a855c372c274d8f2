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

__all__ = ["FILE", "PREFIX", "Leftover", "Roster", "data_home", "leftovers", "new_folder", "remove_folder"]

FILE = "processes.json"
PREFIX = "brokerbench-"
_ON_DISK = "/var/tmp"


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _pid_space() -> str:
    """Pids of another container mean nothing here, though its temporary folder may be shared with us."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def _is_memory(folder: str) -> bool:
    """Whether a folder is a tmpfs mount, as /tmp is on many systems."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mounts").read_text().splitlines():
            _device, where, kind, *_rest = line.split(" ")
            if where == folder and kind in ("tmpfs", "ramfs"):
                return True
    return False


def _homes() -> list[str]:
    """Where folders of ours may be, the best first: a broker's data belongs on a disk, or its flushes cost nothing."""
    temporary = tempfile.gettempdir()
    if "TMPDIR" in os.environ or not _is_memory(temporary) or not os.access(_ON_DISK, os.W_OK):
        return [temporary, _ON_DISK]
    return [_ON_DISK, temporary]


def data_home() -> Path:
    """Where a run's folder with its brokers' data will lie."""
    return Path(_homes()[0])


def new_folder() -> Path:
    """A new temporary folder, readable by us alone."""
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=data_home())).resolve()


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


def leftovers(*homes: Path) -> list[Leftover]:
    """What runs that were cut off left in the temporary folders (`homes`: others than the system's)."""
    folders = {folder.resolve() for home in homes or map(Path, _homes()) for folder in home.glob(PREFIX + "*")}
    found = (_leftover(folder) for folder in sorted(folders) if folder.is_dir())
    return [leftover for leftover in found if leftover]
