"""What the kernel tells in files below /proc and /sys. `root` is / but in tests."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

__all__ = ["Mount", "first_line", "lines", "mounts"]


def lines(path: Path) -> list[str]:
    """Of a file that may not be there or may not be read: then none."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    return []


def first_line(path: Path) -> str | None:
    return next(iter(lines(path)), "").strip() or None


@dataclass(frozen=True)
class Mount:
    number: str  # of the file system, `major:minor`
    shows: PurePosixPath  # the folder of the file system that stands at `at`
    at: PurePosixPath
    kind: str
    source: str
    options: frozenset[str]


def mounts(root: Path) -> Iterator[Mount]:
    """Of this process, in the order they were made. Source: proc_pid_mountinfo(5)."""
    for line in lines(root / "proc/self/mountinfo"):
        where, _, what = line.partition(" - ")
        fields, kinds = [_plain(f) for f in where.split(" ")], [_plain(k) for k in what.split(" ")]
        if len(fields) >= 5 and len(kinds) == 3:
            options = frozenset(kinds[2].split(","))
            yield Mount(fields[2], PurePosixPath(fields[3]), PurePosixPath(fields[4]), kinds[0], kinds[1], options)


def _plain(text: str) -> str:
    r"""Blanks, tabs, line ends and backslashes stand there as \040, \011, \012, \134."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
