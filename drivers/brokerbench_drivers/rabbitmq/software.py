"""Where RabbitMQ's programs come from, and how one of them is run: the machine's own package, for a start."""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from brokerbench.servers import Availability, NotAvailable, ServerHost

__all__ = ["Package", "Run", "Software", "version_of"]

INSTALL = "apt-get install rabbitmq-server"
SCRIPTS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server")


@dataclass(frozen=True)
class Run:
    """How a node is run: its command, and where it sees the host's folders, which may be elsewhere than we do."""

    command: tuple[str, ...]
    folder: Path
    logs: Path
    about: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Software(Protocol):
    def version(self) -> str:
        """What it is, or would be once fetched; empty where that cannot be told."""

    def available(self) -> Availability: ...

    def fetch(self, say: Callable[[str], None]) -> None:
        """Raises NotAvailable."""

    def run(self, host: ServerHost) -> Run:
        """Raises NotAvailable."""


class Package:
    """The machine's own. Debian's /usr/sbin/rabbitmq-server is a wrapper that switches to the user rabbitmq, whose
    log and cookie lie in /var; the script that it wraps is what we start."""

    def version(self) -> str:
        script = _script()
        return version_of(script.parent.parent) if script is not None else ""

    def available(self) -> Availability:
        if _script() is None:
            return Availability(ready=False, what=f"no rabbitmq-server here: {INSTALL}")
        if shutil.which("erl") is None or shutil.which("epmd") is None:
            return Availability(ready=False, what=f"rabbitmq-server without Erlang (erl, epmd): {INSTALL}")
        return Availability(ready=True, what=f"RabbitMQ {self.version() or 'of unknown version'} of this machine")

    def fetch(self, say: Callable[[str], None]) -> None:
        """A system package is the user's to install."""
        found = self.available()
        if not found.ready:
            raise NotAvailable(found.what)

    def run(self, host: ServerHost) -> Run:
        self.fetch(host.say)
        script = str(_script())
        return Run((script,), host.folder, host.logs, {"command": script, "software": "package of this machine"})


def _script() -> Path | None:
    on_path = shutil.which("rabbitmq-server")
    for found in (*SCRIPTS, on_path):
        if found and os.access(found, os.X_OK):
            script = Path(found).resolve()
            if script.name == "rabbitmq-server" and (script.parent / "rabbitmq-env").exists():
                return script  # and not a wrapper, which has no rabbitmq-env beside it
    return None


def version_of(home: Path) -> str:
    """From a folder's name: the package has lib/rabbitmq_server-3.10.8, an unpacked archive is called that."""
    names = [home.name]
    if (home / "lib").is_dir():
        names += sorted(entry.name for entry in (home / "lib").iterdir())
    for name in names:
        match = re.fullmatch(r"rabbitmq_server-(\d[\w.+~-]*)", name)
        if match:
            return match[1]
    return ""
