"""Our own process on a free port: nothing to install."""

import socket
import sys
from collections.abc import Callable
from typing import Any

from brokerbench.servers import Availability, Server, ServerHost

from .facts import VERSION

__all__ = ["SimulatedServer"]


class SimulatedServer:
    """Settings travel with each destination, so one server serves all candidates."""

    def available(self) -> Availability:
        return Availability(ready=True, what="part of brokerbench")

    def fetch(self, say: Callable[[str], None]) -> None:
        pass

    def key(self, settings: Any) -> str:
        return "simulated"

    def start(self, host: ServerHost, settings: Any) -> Server:
        port = host.free_port()
        argv = [sys.executable, "-P", "-m", f"{__package__}.server", "--port", str(port), "--accounts", str(host.logs)]
        process = host.spawn(argv)
        host.wait_until(lambda: _listens(port), process, 30, "the simulated broker")
        return Server({"host": "127.0.0.1", "port": port}, process, {"version": VERSION}, stop_grace_s=2.0)


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
