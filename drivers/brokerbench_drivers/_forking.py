"""For stand-ins that speak a protocol over sockets: a process of ours, and in it one process for each connection.

Each client then has a core of the other side's to itself where there are enough, as it may have with a real broker.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from brokerbench.servers import ServerHost

__all__ = ["apart", "launch", "serve_each", "told"]

_START_S = 20.0


def launch(host: ServerHost, module: str, about: Mapping[str, Any], ready: Callable[[], bool]) -> None:
    """Run `python -m module` with `about` as its one argument, until `ready`. Raises NotAvailable."""
    process = host.spawn([sys.executable, "-P", "-m", module, json.dumps(about)], log="stand-in.log")
    host.wait_until(ready, process, _START_S, "the stand-in")


def told() -> dict[str, Any]:
    """In that process: what it was given."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel collects who ended
    about: dict[str, Any] = json.loads(sys.argv[1])
    return about


def apart(work: Callable[[], None]) -> None:
    """Do it in a process of its own. A client that leaves ends it."""
    if os.fork() == 0:
        with suppress(ConnectionError, TimeoutError):
            work()
        os._exit(0)


def serve_each(listener: socket.socket, serve: Callable[[socket.socket], None]) -> NoReturn:
    """`serve` gets every connection, each in a process of its own."""
    while True:
        client, _ = listener.accept()
        if client.family != socket.AF_UNIX:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        apart(lambda client=client: serve(client))  # type: ignore[misc]
        client.close()
