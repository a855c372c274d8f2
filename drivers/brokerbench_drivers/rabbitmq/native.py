"""A RabbitMQ server from the machine's own package: own ports, data, cookie and epmd; management on.

Debian's /usr/sbin/rabbitmq-server is a wrapper that switches to the user rabbitmq, whose log and cookie lie in
/var; the script that it wraps is what we start. epmd, Erlang's port mapper, is a daemon that the node starts and
leaves behind: it has a port of its own here, so no other node depends on it, and is ended with the node's tree.
"""

import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import BadTarget
from brokerbench.servers import Availability, NotAvailable, Server, ServerHost

from .address import address
from .management import Management

__all__ = ["Native"]

INSTALL = "apt-get install rabbitmq-server"
SCRIPTS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server")
START_S = 120.0
STOP_GRACE_S = 1.0  # it is done at once, then waits 5 s for its disk monitor's shell; the data is thrown away
# The counters of a trial are read when it is over. By default channels report every 5 s and the management API counts
# in steps of 5 s, so they come up to 10 s late; both at 1 s make it 2 s. An idle node costs the same CPU either way.
STATS_INTERVAL_MS = 1000
ADVANCED = """[{rabbitmq_management, [
  {sample_retention_policies, [{global, [{600, 1}]}, {basic, [{600, 1}]}, {detailed, [{600, 1}]}]}
]}].
"""


class Native:
    def available(self) -> Availability:
        script = _script()
        if script is None:
            return Availability(ready=False, what=f"no rabbitmq-server here: {INSTALL}")
        if shutil.which("erl") is None or shutil.which("epmd") is None:
            return Availability(ready=False, what=f"rabbitmq-server without Erlang (erl, epmd): {INSTALL}")
        return Availability(ready=True, what=f"RabbitMQ {_version(script) or 'of unknown version'} of this machine")

    def fetch(self, say: Callable[[str], None]) -> None:
        """Raises NotAvailable: a system package is the user's to install."""
        found = self.available()
        if not found.ready:
            raise NotAvailable(found.what)

    def key(self, settings: Any) -> str:
        return f"rabbitmq-native {_vhost(settings)}"

    def start(self, host: ServerHost, settings: Any) -> Server:
        script = _script()
        self.fetch(host.say)
        assert script is not None
        port, management, dist, epmd_port = (host.free_port() for _ in range(4))
        env = _environment(host, port, dist, epmd_port)
        _write(host, port, management, _vhost(settings))
        node = host.spawn([str(script)], env=env, log="rabbitmq.log")
        of = address("127.0.0.1", port, management, vhost=_vhost(settings))
        host.wait_until(lambda: _ready(of), node, START_S, f"RabbitMQ on port {port}")
        overview = Management(of).overview()
        about = {"version": overview["rabbitmq_version"], "erlang": overview["erlang_version"], "command": str(script)}
        return Server({**of, "stats_interval_ms": STATS_INTERVAL_MS}, node, about, STOP_GRACE_S)


def _script() -> Path | None:
    on_path = shutil.which("rabbitmq-server")
    for found in (*SCRIPTS, on_path):
        if found and os.access(found, os.X_OK):
            script = Path(found).resolve()
            if script.name == "rabbitmq-server" and (script.parent / "rabbitmq-env").exists():
                return script  # and not a wrapper, which has no rabbitmq-env beside it
    return None


def _version(script: Path) -> str:
    """From a folder's name: the package has lib/rabbitmq_server-3.10.8, an unpacked archive is called that."""
    names = [script.parent.parent.name]
    lib = script.parent.parent / "lib"
    if lib.is_dir():
        names += sorted(entry.name for entry in lib.iterdir())
    for name in names:
        match = re.fullmatch(r"rabbitmq_server-(\d[\w.+~-]*)", name)
        if match:
            return match[1]
    return ""


def _vhost(settings: Any) -> str:
    return settings.vhost or "/"


def _environment(host: ServerHost, port: int, dist: int, epmd: int) -> Mapping[str, str]:
    """Every path is ours: a file of the system's in /etc or /var would change, or break, what is measured."""
    folder = host.folder
    return {
        "HOME": str(folder),  # where .erlang.cookie lies
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_CRASH_DUMP": str(host.logs / "erl_crash.dump"),
        "RABBITMQ_NODENAME": "brokerbench@localhost",  # names the data, so a restart on other ports finds it
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(dist),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONFIG_FILES": str(folder / "conf.d" / "*.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
        "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"),
    }


def _write(host: ServerHost, port: int, management: int, vhost: str) -> None:
    """Again on a restart: new ports, the same data and cookie."""
    folder = host.folder
    for name in ("data", "log", "generated", "conf.d"):
        (folder / name).mkdir(exist_ok=True)
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)  # Erlang refuses any other mode
    (folder / "env.conf").write_text("")
    (folder / "advanced.config").write_text(ADVANCED)
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.default = 127.0.0.1:{port}\n"
        f"management.tcp.ip = 127.0.0.1\n"
        f"management.tcp.port = {management}\n"
        f"default_vhost = {vhost}\n"
        f"collect_statistics_interval = {STATS_INTERVAL_MS}\n"
    )


def _ready(of: Mapping[str, Any]) -> bool:
    """The management API answers, and a client can log in and open a channel."""
    try:
        Management(of).overview()
    except BadTarget:
        return False
    from .link import Link

    try:
        Link(of, "brokerbench readiness").close()
    except BadTarget:
        return False
    return True
