"""What a server recipe is: how one broker comes up here, on 127.0.0.1, on free ports, in a folder of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from brokerbench.model import ServerSpec

__all__ = [
    "Availability",
    "Library",
    "NotAvailable",
    "Server",
    "ServerHost",
    "ServerProcess",
    "ServerRecipe",
    "Tailored",
    "tailored",
]


class NotAvailable(Exception):
    """The server cannot be had or did not come up; the text says what was found and what to do next."""


@dataclass(frozen=True)
class Availability:
    """Whether a server can be started here. Found by reading files only, so that bare `brokerbench` stays quick."""

    ready: bool  # could start right now
    fetchable: bool = False  # or after `fetch`
    download_mb: float = 0.0
    what: str = ""  # "Kafka 4.3.1 on Java 17", or what is missing and the line that installs it


class ServerProcess(Protocol):
    pid: int
    parting_s: float  # at the end it is asked first, and has so long to remove what it started that is not below us

    def alive(self) -> bool: ...

    def stop(self, grace_s: float) -> None:
        """SIGTERM, wait up to `grace_s`, then SIGKILL; the whole tree, daemons included."""

    def pids(self) -> Sequence[int]:
        """Every living process of the tree, daemons that left it included."""


class ServerHost(Protocol):
    """What a recipe may use. Everything it starts is owned by the guardian."""

    folder: Path  # its own, empty, removed afterwards
    logs: Path  # kept in the run folder

    def spawn(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, log: str = "server.log"
    ) -> ServerProcess:
        """Start a process in `folder`, its output to `logs/<log>`; `env` is added to ours."""

    def free_port(self) -> int: ...

    def wait_until(self, ready: Callable[[], bool], process: ServerProcess, timeout_s: float, what: str) -> None:
        """Poll `ready` until true. Raises NotAvailable with the log's last lines if the process ends or time is up."""

    def say(self, text: str) -> None:
        """A line for the user: what is being waited for."""


@dataclass(frozen=True)
class Server:
    """A server that a client can use. `address` is plain JSON and is what a driver's clients connect to."""

    address: Mapping[str, Any]
    process: ServerProcess | None  # None: a library, or not ours; of a cluster: its first node's
    about: Mapping[str, str]  # "version", "java", "command" ... for the facts
    stop_grace_s: float = 10.0
    others: Sequence[ServerProcess] = ()  # of a cluster's further nodes

    @property
    def processes(self) -> tuple[ServerProcess, ...]:
        """Of all its nodes."""
        return (self.process, *self.others) if self.process is not None else ()


class ServerRecipe(Protocol):
    def available(self) -> Availability: ...

    def fetch(self, say: Callable[[str], None]) -> None:
        """Download what is missing (cached). Raises NotAvailable."""

    def key(self, settings: Any) -> str:
        """Candidates whose keys are equal may share one server."""

    def start(self, host: ServerHost, settings: Any) -> Server:
        """Returns when a client can use it. Raises NotAvailable."""


@runtime_checkable
class Tailored(Protocol):
    """A recipe with more than one product, version or number of nodes."""

    def tailored(self, settings: Any, spec: ServerSpec) -> ServerRecipe:
        """The recipe for these settings. Raises NotAvailable, saying what there is."""


def tailored(recipe: ServerRecipe, settings: Any, spec: ServerSpec) -> ServerRecipe:
    """The recipe that brings up what is asked. Raises NotAvailable where it has one version, one node, and that is
    not it."""
    if isinstance(recipe, Tailored):
        return recipe.tailored(settings, spec)
    if spec.nodes > 1:
        raise NotAvailable(f"{spec.nodes} nodes are asked, and it has one: leave nodes out")
    if spec.version is not None:
        raise NotAvailable(f"version {spec.version} is asked, and there is no choice: leave version out")
    return recipe


class Library:
    """Brokerless: there is no server to start."""

    def __init__(self, what: str) -> None:
        self._what = what

    def available(self) -> Availability:
        return Availability(ready=True, what=self._what)

    def fetch(self, say: Callable[[str], None]) -> None:
        pass

    def key(self, settings: Any) -> str:
        return self._what

    def start(self, host: ServerHost, settings: Any) -> Server:
        return Server(address={}, process=None, about={})
