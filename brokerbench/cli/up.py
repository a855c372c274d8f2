"""`brokerbench up NAME`: a broker to try things on, up until `brokerbench down NAME`."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import click

import brokerbench_drivers
from brokerbench.contract import Driver, Locatable
from brokerbench.engine.planner import make_plan
from brokerbench.model import Candidate, ServerKind
from brokerbench_scenarios import read

from ._errors import FAILED, INTERRUPTED, OK, BadInput
from ._keep import Request, keep
from ._kept import Kept
from ._scenario import FEATURES, Drivers, Settings

__all__ = ["command"]

KINDS = [kind.value for kind in ServerKind if kind is not ServerKind.EXTERNAL]
# A candidate of no claim: what its settings promise is what they promise.
SCENARIO = """
scenario: up
brokers: {%s: {driver: %s, role: floor, server: {kind: %s, nodes: %d%s}}}
message: {size: 1KiB}
load: {model: saturate, stages: [{steady: 1s}]}
"""


@click.command("up")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="auto", show_default=True, help="How the server comes up.")
@click.option("--version", help="3.10.8, or how it begins: 3.10, 3.")
@click.option("--nodes", type=click.IntRange(1, 9), default=1, show_default=True, help="Of one cluster.")
@click.option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting of the driver, as in a scenario.")
@click.option("--foreground", is_flag=True, help="Stay here; Ctrl-C ends it.")
def command(name: str, kind: str, version: str | None, nodes: int, overrides: tuple[str, ...], foreground: bool) -> int:
    """Bring up a broker by its driver's NAME, on this machine, until `brokerbench down NAME`.

    Exit status: 0 it is up; 1 it did not come up, or a server of that name is up; 2 bad input; 130 interrupted.
    """
    if name not in brokerbench_drivers.names():
        raise BadInput(f"no driver is called {name!r}", f"there are {', '.join(brokerbench_drivers.names())}")
    there = Kept.read(name)
    if there is not None and there.alive:
        click.echo(there.text, err=True)
        return FAILED
    candidate = _candidate(name, kind, version, nodes, overrides)
    assert candidate.promise is not None
    request = Request(name, candidate.promise.settings, candidate.server.kind, version, nodes)
    return keep(request, _Told(name, foreground=True)) if foreground else _in_background(request)


def _candidate(name: str, kind: str, version: str | None, nodes: int, overrides: tuple[str, ...]) -> Candidate:
    """Checked as a scenario's: settings, the client, what server there is. Raises BadInput, ScenarioError."""
    drivers = Drivers()
    _has_one(drivers[name])
    asked = f", version: {json.dumps(version)}" if version else ""
    scenario = read(
        SCENARIO % (name, name, kind, nodes, asked),
        name="up",
        drivers=Settings(drivers),
        env=os.environ,
        features=FEATURES,
        overrides=[f"brokers.{name}.{override}" for override in overrides],
    )
    [candidate] = make_plan(scenario, drivers, seed=0).candidates
    if candidate.excluded is not None:
        raise BadInput(f"{name} cannot come up: {candidate.excluded}", "`brokerbench doctor` says more")
    if candidate.server.kind is ServerKind.EXTERNAL:
        raise BadInput(f"{name} is given by a url, so it is up elsewhere", "leave url out")
    return candidate


def _has_one(driver: Driver) -> None:
    """Raises BadInput where there is nothing to bring up."""
    if not isinstance(driver, Locatable):
        raise BadInput(f"{driver.title} has no server: its clients talk to each other", "name it in a scenario")


class _Told:
    """Prints what the keeper tells."""

    def __init__(self, name: str, *, foreground: bool) -> None:
        self._name, self._foreground = name, foreground

    def __call__(self, what: str, about: Any) -> None:
        if what == "say":
            click.echo(f"  {about}", err=True)
        elif what == "failed":
            click.echo(about, err=True)
        else:
            self._up(about)

    def _up(self, state: dict[str, Any]) -> None:
        name, about = self._name, state["about"]
        click.echo(f"{name} {about.get('version', '')}".rstrip() + f" is up at {state['url']}")
        click.echo(f"  in a scenario:  {name}: {{driver: {name}, url: {json.dumps(state['url'])}}}")
        click.echo(f"  its log:        {about['log']}")
        click.echo("  end it with:    " + ("Ctrl-C" if self._foreground else f"brokerbench down {name}"))


def _in_background(request: Request) -> int:
    """A keeper in a session of its own: what happens to this terminal is nothing to it, nor does it hold our output."""
    log = Kept.logs(request.driver).with_suffix(".keeper.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as errors:
        keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "brokerbench.cli._keep"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    told = _Told(request.driver, foreground=False)
    try:
        keeper.stdin.write(json.dumps({**asdict(request), "settings": dict(request.settings)}))
        keeper.stdin.close()
        for line in keeper.stdout:
            [(what, about)] = json.loads(line).items()
            told(what, about)
            if what == "up":
                return OK
    except KeyboardInterrupt:
        keeper.terminate()
        keeper.wait()
        return INTERRUPTED
    if keeper.wait() != FAILED or log.stat().st_size:
        click.echo(f"{request.driver}: its keeper ended with status {keeper.returncode}; why: {log}", err=True)
    return FAILED
