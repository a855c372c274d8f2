"""A server out of a Compose file, where a container engine answers: `compose/NAME.yml` with free ports and own data.

`docker compose up` runs in the foreground below our guardian, so that it ends with us; what it leaves is removed with
its volumes by the shell around it. Only a guardian that is itself killed leaves containers: their project's name says
whose they were.
"""

import functools
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import BadTarget, Driver
from brokerbench.model import ServerSpec
from brokerbench.servers import Availability, NotAvailable, Server, ServerHost, ServerRecipe

from . import load

__all__ = ["PORT", "Composed", "ComposedByProduct", "compose_folder"]

PORT = re.compile(r"\$\{BROKERBENCH_PORT_(\d+):-\1\}")  # where a file lets its ports be set
_ENGINE_S = 10.0
_START_S = 600.0  # an image may have to be fetched
_DOWN_S = 20.0
# Asked to end, the containers go first, with their data: there is nothing to save, and our guardian waits for seconds.
_RUN = """\
down() { docker compose --project-name "$PROJECT" --file "$FILE" down --volumes --timeout 1; }
trap down TERM INT
docker compose --project-name "$PROJECT" --file "$FILE" up --abort-on-container-exit & up=$!
wait $up; status=$?
down
exit $status
"""


def compose_folder() -> Path:
    """Beside this package in a wheel, in a folder of its own in a checkout."""
    here = Path(__file__).parent
    inside = here / "compose"
    return inside if inside.is_dir() else here.parent.parent / "compose"


@functools.cache
def _no_engine(_path: str) -> str:
    """Why none can be used; empty where one answers. Asked once for each PATH."""
    try:
        for asked in (["docker", "info"], ["docker", "compose", "version"]):
            if subprocess.run(asked, capture_output=True, check=False, timeout=_ENGINE_S).returncode:
                return f"no container engine answers here (asked: {' '.join(asked)}): start one, or use another server"
    except (OSError, subprocess.TimeoutExpired):
        return "no container engine answers here (asked: docker info): start one, or use another server"
    return ""


class Composed:
    """`url`: as a scenario would name the file's server, for this driver; `env`: what a promise sets in the file."""

    def __init__(self, file: str, url: str, driver: str, env: Callable[[Any], Mapping[str, str]] | None = None) -> None:
        self.file, self.url = file, url
        self._name, self.env = driver, env or (lambda settings: {})

    @property
    def _driver(self) -> Driver:
        return load(self._name)

    def tailored(self, settings: Any, spec: ServerSpec) -> ServerRecipe:
        if spec.nodes > 1 or spec.version is not None:
            asked = f"{spec.nodes} nodes" if spec.nodes > 1 else f"version {spec.version}"
            raise NotAvailable(f"{asked} are asked, and Compose has one node of one version: see compose/{self.file}")
        if getattr(settings, "tls", False):
            raise NotAvailable(f"tls: true is asked, and compose/{self.file} has none: use another server, or a url")
        return self

    def available(self) -> Availability:
        why = _no_engine(os.environ.get("PATH", "") + os.environ.get("DOCKER_HOST", ""))
        return Availability(ready=not why, what=why or f"compose/{self.file} (never run by its authors)")

    def fetch(self, say: Callable[[str], None]) -> None:
        """Raises NotAvailable: the engine fetches images itself."""
        if why := self.available().what if not self.available().ready else "":
            raise NotAvailable(why)

    def key(self, settings: Any) -> str:
        return f"compose/{self.file} {dict(self.env(settings))}"

    def start(self, host: ServerHost, settings: Any) -> Server:
        self.fetch(host.say)
        path = compose_folder() / self.file
        ports = {port: host.free_port() for port in PORT.findall(path.read_text(encoding="utf-8"))}
        env = {f"BROKERBENCH_PORT_{port}": str(free) for port, free in ports.items()} | dict(self.env(settings))
        url = re.sub(r"\b\d+\b", lambda found: str(ports.get(found[0], found[0])), self.url)
        project = f"{host.folder.parent.name}-{host.folder.name}".lower().lstrip("-_")
        env |= {"PROJECT": re.sub(r"[^a-z0-9_-]", "-", project), "FILE": str(path)}
        host.say(f"{self._driver.title} by Compose, {self.file}: an image may be fetched first")
        process = host.spawn(["/bin/sh", "-c", _RUN], env=env, log="compose.log")
        process.parting_s = _DOWN_S
        address = self._driver.address(url)
        host.wait_until(lambda: self._usable(address, settings), process, _START_S, f"compose/{self.file}")
        about = {"command": f"compose/{self.file}", "software": "an image, out of a file never run by its authors"}
        return Server(address, process, about, stop_grace_s=_DOWN_S)

    def _usable(self, address: Mapping[str, Any], settings: Any) -> bool:
        try:
            self._driver.admin(address, settings).close()
        except BadTarget:
            return False
        return True


class ComposedByProduct:
    """One of several files: the settings say which product."""

    def __init__(self, recipes: Mapping[str, Composed]) -> None:
        self.recipes = recipes

    def tailored(self, settings: Any, spec: ServerSpec) -> ServerRecipe:
        return self._of(settings).tailored(settings, spec)

    def _of(self, settings: Any) -> Composed:
        """Where none is named, the first."""
        return self.recipes[settings.product or next(iter(self.recipes))]

    def available(self) -> Availability:
        return next(iter(self.recipes.values())).available()

    def fetch(self, say: Callable[[str], None]) -> None:
        next(iter(self.recipes.values())).fetch(say)

    def key(self, settings: Any) -> str:
        return self._of(settings).key(settings)

    def start(self, host: ServerHost, settings: Any) -> Server:
        return self._of(settings).start(host, settings)
