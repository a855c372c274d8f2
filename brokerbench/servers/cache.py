"""The user's cache folder, and what is made there once: whole, or not at all."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

__all__ = ["make_once", "user_cache"]


def user_cache() -> Path:
    """XDG_CACHE_HOME, else ~/.cache, as the XDG Base Directory Specification has it."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "brokerbench"


def make_once(folder: Path, make: Callable[[Path], None]) -> None:
    """`make` fills an empty folder, which then becomes `folder`. Whoever else wants to make one beside it waits, and
    takes what is there then. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _make(folder, make)
    finally:
        os.close(lock)


def _make(folder: Path, make: Callable[[Path], None]) -> None:
    staging = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(staging, ignore_errors=True)  # of a process that was killed over it
    try:
        staging.mkdir()
        make(staging)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
