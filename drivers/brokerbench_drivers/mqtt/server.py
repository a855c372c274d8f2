"""A Mosquitto from the machine's own package: own port, own folder, limits that drop nothing silently."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import BadTarget
from brokerbench.servers import Availability, Certificates, NotAvailable, Server, ServerHost

from .settings import Settings

__all__ = ["Mosquitto"]

INSTALL = "apt-get install mosquitto"
ELSEWHERE = "/usr/sbin/mosquitto"  # Debian's, which is on no user's PATH
START_S = 20.0
# Beyond these Mosquitto drops messages without a word to their sender; 0 is no limit.
LIMITS: Mapping[str, str] = {
    "max_queued_messages": "0",
    "max_queued_bytes": "0",
    "max_inflight_messages": "0",
    "max_inflight_bytes": "0",
    "message_size_limit": "0",
}


class Mosquitto:
    def available(self) -> Availability:
        found = _binary()
        if found is None:
            return Availability(ready=False, what=f"no mosquitto here: {INSTALL}")
        return Availability(ready=True, what=f"mosquitto at {found}")

    def fetch(self, say: Callable[[str], None]) -> None:
        """Raises NotAvailable: a system package is the user's to install."""
        found = self.available()
        if not found.ready:
            raise NotAvailable(found.what)

    def key(self, settings: Settings) -> str:
        return f"mosquitto tls={settings.tls}"

    def start(self, host: ServerHost, settings: Settings) -> Server:
        self.fetch(host.say)
        binary, port = str(_binary()), host.free_port()
        address: dict[str, Any] = {"host": "127.0.0.1", "port": port, "limits": dict(LIMITS)}
        lines = [
            "allow_anonymous true",
            "sys_interval 1",
            "persistence false",
            *(f"{k} {v}" for k, v in LIMITS.items()),
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            lines.append("user root")  # else it becomes a user who may not read our folder
        lines.append(f"listener {port} 127.0.0.1")
        if settings.tls:
            made = Certificates.make(host.folder)
            lines += [f"cafile {made.ca}", f"certfile {made.cert}", f"keyfile {made.key}"]
            address["tls"] = {"ca": str(made.ca), "cert": None, "key": None}
        config = host.folder / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        process = host.spawn([binary, "-c", str(config)], log="mosquitto.log")
        host.wait_until(lambda: _ready(address, settings), process, START_S, f"Mosquitto on 127.0.0.1:{port}")
        return Server(address, process, {"version": _version(binary), "command": binary}, stop_grace_s=3.0)


def _binary() -> Path | None:
    found = shutil.which("mosquitto") or (ELSEWHERE if os.access(ELSEWHERE, os.X_OK) else None)
    return Path(found) if found else None


def _version(binary: str) -> str:
    said = subprocess.run([binary, "-h"], capture_output=True, text=True, check=False, timeout=10)
    match = re.search(r"version (\d[\w.]*)", said.stdout + said.stderr)
    return match[1] if match else "unknown"


def _ready(address: Mapping[str, Any], settings: Settings) -> bool:
    """A client is let in."""
    socket.create_connection((address["host"], address["port"]), timeout=1.0).close()
    from .link import Link

    try:
        Link(address, settings, "").close()
    except BadTarget:
        return False
    return True
