"""`doctor`: this machine in detail, and what to do about each finding."""

import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import click

import brokerbench_drivers
from brokerbench.contract import Driver, install_line
from brokerbench.servers import leftovers
from brokerbench.servers.java import INSTALL_JAVA, find_java

from ._errors import FAILED, OK
from ._kept import Kept

__all__ = ["Check", "Mark", "command"]

FREE_GB = 5
OPEN_FILES = 4096
_SYS = Path("/sys/devices/system")


class Mark(StrEnum):
    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


@dataclass(frozen=True)
class Check:
    mark: Mark
    what: str
    found: str
    todo: str = ""


@click.command("doctor")
@click.option("--remove-leftovers", is_flag=True, help="End what killed runs left behind, and remove their folders.")
def command(remove_leftovers: bool) -> int:
    """Check this machine in detail, with what to do about each finding.

    Exits with 0 where at least one broker can be run.
    """
    for check in [*_machine(), *_leftovers(remove_leftovers), *_up()]:
        _print(check)
    runnable = 0
    for name in brokerbench_drivers.names():
        driver = brokerbench_drivers.load(name)
        click.echo(f"\n{driver.title}")
        clients, servers = list(_clients(driver)), list(_servers(driver))
        for check in [*clients, *servers]:
            _print(check)
        # These measure the generator, or the suite itself; they are no brokers.
        if (
            name not in {"null", "simulated"}
            and _any_ok(clients)
            and any(check.mark is not Mark.MISSING for check in servers)
        ):
            runnable += 1
    click.echo(f"\n{runnable} of the brokers can be run here." if runnable else "\nNo broker can be run here.")
    if not runnable:
        click.echo("next: pip install 'brokerbench[all]'")
    return OK if runnable else FAILED


def _print(check: Check) -> None:
    click.echo(f"  {check.mark.value:<8} {check.what}: {check.found}")
    if check.todo:
        click.echo(f"           -> {check.todo}")


def _any_ok(checks: list[Check]) -> bool:
    return any(check.mark is Mark.OK for check in checks)


def _clients(driver: Driver) -> Iterator[Check]:
    for name, module in driver.clients.items():
        if find_spec(module.partition(".")[0]) is None:
            yield Check(Mark.MISSING, f"client {name}", "not installed", install_line(driver, name))
        else:
            yield Check(Mark.OK, f"client {name}", _version(module))


def _version(module: str) -> str:
    """Of the distribution that brought the module; empty for our own."""
    from brokerbench.engine.environment import providers

    for distribution in providers().get(module.partition(".")[0], ()):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "part of brokerbench" if module.startswith("brokerbench") else "part of Python"


def _servers(driver: Driver) -> Iterator[Check]:
    for kind, recipe in driver.servers.items():
        found = recipe.available()
        what = f"server {kind.value}"
        if found.ready:
            yield Check(Mark.OK, what, found.what)
        elif found.fetchable:
            todo = f"the first run fetches {found.download_mb:g} MB"
            yield Check(Mark.WARN, what, f"{found.what}, not fetched yet", todo)
        else:
            yield Check(Mark.MISSING, what, found.what)


def _machine() -> Iterator[Check]:
    yield Check(Mark.OK, "Python", sys.version.split()[0])
    java = find_java()
    if java:
        yield Check(Mark.OK, "Java", f"{java.version} ({java.executable})")
    else:
        yield Check(Mark.MISSING, "Java", "none of 17 or newer; brokers of jars cannot start", INSTALL_JAVA)
    yield _cores()
    yield _disk("results", Path.cwd())
    yield _disk("servers' data", Path(tempfile.gettempdir()))
    yield _open_files()
    yield _clock()
    yield _governor()


def _cores() -> Check:
    cores = len(os.sched_getaffinity(0))
    if cores >= 4:
        return Check(Mark.OK, "CPU", f"{cores} cores")
    todo = "fine for comparing; ceilings need a machine with 4 cores or more, or a broker elsewhere (url: ...)"
    return Check(Mark.WARN, "CPU", f"{cores} cores, shared by load and broker", todo)


def _disk(what: str, folder: Path) -> Check:
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb >= FREE_GB:
        return Check(Mark.OK, f"disk for {what}", f"{free_gb:.0f} GB free in {folder}")
    return Check(
        Mark.WARN, f"disk for {what}", f"{free_gb:.1f} GB free in {folder}", f"free {FREE_GB} GB before long runs"
    )


def _open_files() -> Check:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= OPEN_FILES:
        return Check(Mark.OK, "open files", f"limit {soft}")
    possible = hard if hard != resource.RLIM_INFINITY else 65536
    return Check(Mark.WARN, "open files", f"limit {soft}", f"ulimit -n {max(possible, OPEN_FILES)}")


def _clock() -> Check:
    source = _text(_SYS / "clocksource/clocksource0/current_clocksource")
    if source in {"tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"}:
        return Check(Mark.OK, "clock source", source)
    if not source:
        return Check(Mark.WARN, "clock source", "not known here")
    todo = "reading this clock is slow; boot with clocksource=tsc where the CPU has a stable one"
    return Check(Mark.WARN, "clock source", source, todo)


def _governor() -> Check:
    found = sorted({_text(path) for path in _SYS.glob("cpu/cpu[0-9]*/cpufreq/scaling_governor")} - {""})
    if not found:
        return Check(Mark.OK, "CPU governor", "none to set (often so in virtual machines)")
    if found == ["performance"]:
        return Check(Mark.OK, "CPU governor", "performance")
    todo = "frequency changes widen the spread between blocks: cpupower frequency-set -g performance"
    return Check(Mark.WARN, "CPU governor", ", ".join(found), todo)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _leftovers(remove: bool) -> Iterator[Check]:
    found = leftovers()
    if not found:
        yield Check(Mark.OK, "killed runs", "nothing left behind")
    for each in found:
        what = f"{each.folder}, {len(each.alive)} processes alive"
        if remove and each.remove():
            yield Check(Mark.OK, "killed run", f"removed {what}")
        elif remove:
            yield Check(Mark.WARN, "killed run", f"could not remove all of {what}", "run it again, or as its owner")
        else:
            yield Check(Mark.WARN, "killed run", what, "brokerbench doctor --remove-leftovers")


def _up() -> Iterator[Check]:
    for kept in Kept.all():
        yield Check(Mark.OK, "server up", kept.text)
