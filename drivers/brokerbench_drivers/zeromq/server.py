"""What stands between ZeroMQ's clients: nothing, or a process of devices where the pattern has one."""

import sys
from collections.abc import Callable
from typing import Any

from brokerbench.model import ServerSpec
from brokerbench.servers import (
    Availability,
    Library,
    NotAvailable,
    Server,
    ServerHost,
    ServerRecipe,
)

from .settings import Settings

__all__ = ["ZeromqServer"]

_START_S = 20.0
_LIBRARY = Library("ZeroMQ is a library: no server")


class ZeromqServer:
    """Pip brings all of it."""

    def tailored(self, settings: Settings, spec: ServerSpec) -> ServerRecipe:
        if spec.nodes > 1 or spec.version is not None:
            raise NotAvailable("ZeroMQ is a library of one version, and has no nodes: leave server out")
        return self if settings.brokered else _LIBRARY

    def available(self) -> Availability:
        return _LIBRARY.available()

    def fetch(self, say: Callable[[str], None]) -> None:
        pass

    def key(self, settings: Any) -> str:
        return "zeromq devices"

    def start(self, host: ServerHost, settings: Any) -> Server:
        import zmq

        from .device import asked

        control = f"ipc://{host.folder}/control"
        process = host.spawn([sys.executable, "-P", "-m", "brokerbench_drivers.zeromq.device", control])

        def answers() -> bool:
            try:
                return asked(control, do="hello") == ""
            except zmq.ZMQError:
                return False

        host.wait_until(answers, process, _START_S, "the ZeroMQ devices")
        about = {"version": zmq.zmq_version(), "command": "a process of ZeroMQ's own proxy"}
        return Server({"control": control}, process, about, stop_grace_s=2.0)
