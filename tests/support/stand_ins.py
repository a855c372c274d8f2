"""The processes of a stand-in below this one: the one that listens, and one for each connection."""

from contextlib import suppress

import psutil

__all__ = ["listening", "stand_ins"]


def stand_ins(driver: str) -> list[psutil.Process]:
    found = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended, and is being collected
            if f"brokerbench_drivers.{driver}.stand_in" in each.cmdline():
                found.append(each)
    return found


def listening(driver: str) -> psutil.Process:
    """The one whose parent is none of them."""
    parents = {}
    for each in stand_ins(driver):
        with suppress(psutil.NoSuchProcess):
            parents[each.pid] = (each, each.ppid())
    (found,) = [each for each, parent in parents.values() if parent not in parents]
    return found
