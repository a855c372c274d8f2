"""The keeper: a process that brings one server up, owns it, and takes it down when it is asked to.

python -m brokerbench.cli._keep < request        tells on standard output, a JSON object a line:
    {"say": text}   what is being waited for
    {"up": state}   a client can use the server; nothing more will be told
    {"failed": text, "busy": whether the name was taken}
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

import brokerbench_drivers
from brokerbench.contract import Driver, Locatable
from brokerbench.model import ServerKind, ServerSpec
from brokerbench.servers import Guardian, GuardianLost, NotAvailable, Server, tailored

from ._errors import FAILED, OK
from ._kept import AlreadyUp, Kept

__all__ = ["Request", "Tell", "keep", "main"]

_LOOK_S = 0.2
Tell = Callable[[str, Any], None]


@dataclass(frozen=True)
class Request:
    """What to bring up. `settings` are the driver's, in base units, with the promise applied."""

    driver: str
    settings: Mapping[str, Any]
    kind: ServerKind
    version: str | None
    nodes: int

    @property
    def spec(self) -> ServerSpec:
        return ServerSpec(kind=self.kind, version=self.version, nodes=self.nodes)


class _Ended(BaseException):
    """A signal asked for the end."""


def keep(request: Request, tell: Tell) -> int:
    """Until a signal comes or the server ends; nothing is left then. Returns the exit status."""
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        claimed = Kept.claim(request.driver)
        try:
            return _keep(request, claimed, tell)
        finally:
            _undisturbed()
            claimed.forget()
    except AlreadyUp as error:
        tell("failed", str(error))
        return FAILED
    except _Ended:
        return OK
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _keep(request: Request, claimed: Kept, tell: Tell) -> int:
    driver = brokerbench_drivers.load(request.driver)
    logs = Kept.logs(request.driver)
    shutil.rmtree(logs, ignore_errors=True)  # of the time before
    try:
        with Guardian() as guardian:
            try:
                server = _start(driver, request, guardian, tell)
                kept = replace(claimed, url=_url(driver, server), about={**server.about, "log": str(logs)})
                kept.update()
                tell("up", {"text": kept.text, "url": kept.url, "about": kept.about})
                _wait(server)
            finally:
                _undisturbed()
    except (NotAvailable, GuardianLost) as error:
        tell("failed", f"{driver.title}: {error}")
        return FAILED
    return FAILED  # it ended by itself


def _start(driver: Driver, request: Request, guardian: Guardian, tell: Tell) -> Server:
    settings = driver.Settings.from_base(request.settings)
    recipe = tailored(driver.servers[request.kind], settings, request.spec)
    if not recipe.available().ready:
        recipe.fetch(lambda text: tell("say", text))
    host = guardian.host(request.driver, Kept.logs(request.driver), lambda text: tell("say", text))
    return recipe.start(host, settings)


def _url(driver: Driver, server: Server) -> str:
    """What a scenario names this server by."""
    return driver.url(server.address) if isinstance(driver, Locatable) else json.dumps(dict(server.address))


def _wait(server: Server) -> None:
    while all(process.alive() for process in server.processes):
        time.sleep(_LOOK_S)


def _end(_signum: int, _frame: FrameType | None) -> None:
    raise _Ended


def _undisturbed() -> None:
    """What is being ended is ended in full, however often it is asked for."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def main() -> int:
    asked = json.load(sys.stdin)
    request = Request(**{**asked, "kind": ServerKind(asked["kind"])})

    def tell(what: str, about: Any) -> None:
        """Whoever asked may be gone: then what is up would be nobody's, so the error ends it."""
        sys.stdout.write(json.dumps({what: about}) + "\n")
        sys.stdout.flush()
        if what == "up":
            _let_go()

    with contextlib.suppress(BrokenPipeError):
        return keep(request, tell)
    _let_go()
    return FAILED


def _let_go() -> None:
    """Nobody reads on: the terminal that asked goes its way."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 1)


if __name__ == "__main__":
    sys.exit(main())
