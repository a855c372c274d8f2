"""How often processes flush files to the disk, as the kernel is asked for it: seen by strace."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.absent import absent
from tests.support.running import until

__all__ = ["Flushes", "flushes_of"]

_CALLS = "fsync,fdatasync,msync,openat,write,pwrite64,writev,pwritev"
_ASKED = re.compile(r"\b(?:fsync|fdatasync)\(\d+<[^>]*>|\bmsync\(.*MS_SYNC")
_WRITTEN = re.compile(r"\bp?write(?:64|v)?\(\d+<([^>]*)>")
_OPENED = re.compile(r"\bO_D?SYNC\b.*= \d+<([^>]*)>")
_O_DSYNC = 0o10000  # a part of O_SYNC
_ATTACH_S = 30.0


class Flushes:
    """What strace wrote, once it has ended."""

    def __init__(self, told: Path, synced: Sequence[str]) -> None:
        self._told = told
        self._synced = set(synced)  # files opened so that each write is a flush

    def count(self) -> int:
        lines = [line for line in self._told.read_text(errors="replace").splitlines() if "= -1 " not in line]
        synced = self._synced | {found[1] for line in lines if (found := _OPENED.search(line))}
        return sum(1 for line in lines if _ASKED.search(line) or _is_synced(line, synced))


def _is_synced(line: str, synced: set[str]) -> bool:
    written = _WRITTEN.search(line)
    return written is not None and written[1] in synced


@contextmanager
def flushes_of(pids: Sequence[int], folder: Path) -> Iterator[Flushes]:
    """All that these processes flush within the block; `count` it afterwards. Absent where tracing is not allowed."""
    if shutil.which("strace") is None:
        absent("strace: apt-get install strace")
    told, said = folder / "strace.txt", folder / "strace.log"
    followed = [word for pid in pids for word in ("-p", str(pid))]
    with said.open("w") as errors:
        tracer = subprocess.Popen(["strace", "-f", "-y", "-e", f"trace={_CALLS}", "-o", told, *followed], stderr=errors)
    try:
        until(lambda: tracer.poll() is not None or all(map(_is_traced, pids)), "strace follows them", _ATTACH_S)
        if tracer.poll() is not None:
            absent(f"strace may not follow a server: {said.read_text().strip()}")
        yield Flushes(told, [path for pid in pids for path in _synced_files(pid)])
    finally:
        tracer.terminate()
        tracer.wait()


def _is_traced(pid: int) -> bool:
    """Each of its threads."""
    try:
        states = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):  # one has ended, or all: then there is nothing to follow
        return not Path(f"/proc/{pid}").exists()
    return all("TracerPid:\t0\n" not in state for state in states)


def _synced_files(pid: int) -> Iterator[str]:
    for info in Path(f"/proc/{pid}/fdinfo").glob("*"):  # of a process that has ended: none
        try:
            flags = next(line.split()[1] for line in info.read_text().splitlines() if line.startswith("flags:"))
            if int(flags, 8) & _O_DSYNC:
                yield os.readlink(f"/proc/{pid}/fd/{info.name}")
        except FileNotFoundError:
            continue  # closed meanwhile
