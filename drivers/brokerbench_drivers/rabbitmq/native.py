"""RabbitMQ from the machine's own package, one node or a cluster: own ports, data, cookie and epmd; management on.

Debian's /usr/sbin/rabbitmq-server is a wrapper that switches to the user rabbitmq, whose log and cookie lie in
/var; the script that it wraps is what we start. epmd, Erlang's port mapper, is a daemon that the node starts and
leaves behind: it has a port of its own here, so no other node depends on it, and is ended with the node's tree.
"""

import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from brokerbench.contract import BadTarget
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


@dataclass(frozen=True)
class _Node:
    """One node: its name says where its data is, so a restart on other ports finds it."""

    name: str
    folder: Path
    port: int
    management: int
    dist: int

    @property
    def atom(self) -> str:
        return f"{self.name}@localhost"


class Native:
    """The machine's own package: one node, or a cluster of several."""

    def __init__(self, nodes: int = 1) -> None:
        self._nodes = nodes

    def tailored(self, settings: Any, spec: ServerSpec) -> ServerRecipe:
        script = _script()
        found = _version(script) if script is not None else ""
        if spec.version is not None and found and not f"{found}.".startswith(f"{spec.version}."):
            raise NotAvailable(f"RabbitMQ {spec.version} is asked, and {found} is installed: leave version out")
        return Native(spec.nodes)

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
        return f"rabbitmq-native {_vhost(settings)} tls={settings.tls}"

    def start(self, host: ServerHost, settings: Any) -> Server:
        """The first node alone, then the others side by side: two that start at once might found a cluster each."""
        script = _script()
        self.fetch(host.say)
        assert script is not None
        epmd = host.free_port()
        tls = Certificates.make(host.folder) if settings.tls else None
        _cookie(host.folder)
        names = ["brokerbench", *(f"brokerbench{n}" for n in range(2, self._nodes + 1))]
        nodes = [_Node(name, host.folder / name, *(host.free_port() for _ in range(3))) for name in names]
        of = [_address(node, settings, tls) for node in nodes]
        processes: list[ServerProcess] = []
        for group in (nodes[:1], nodes[1:]):
            fresh = []
            for node in group:
                _write(node, nodes, _vhost(settings), tls)
                log = "rabbitmq.log" if node is nodes[0] else f"{node.name}.log"
                fresh.append(host.spawn([str(script)], env=_environment(host, node, epmd), log=log))
            for node, process in zip(group, fresh, strict=True):
                what = f"RabbitMQ on port {node.port}"
                host.wait_until(partial(_ready, of[nodes.index(node)]), process, START_S, what)
            processes += fresh
        if len(nodes) > 1:
            what = f"a RabbitMQ cluster of {len(nodes)} nodes"
            host.wait_until(lambda: _running(of[0]) == len(nodes), processes[0], START_S, what)
        overview = Management(of[0]).overview()
        about = {"version": overview["rabbitmq_version"], "erlang": overview["erlang_version"], "command": str(script)}
        found: dict[str, Any] = {**of[0], "stats_interval_ms": STATS_INTERVAL_MS}
        if len(nodes) > 1:
            found["nodes"] = [{word: each[word] for word in ("host", "port", "management_port")} for each in of]
        return Server(found, processes[0], about, STOP_GRACE_S, others=processes[1:])


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


def _address(node: _Node, settings: Any, tls: Certificates | None) -> dict[str, Any]:
    found = address("127.0.0.1", node.port, node.management, vhost=_vhost(settings))
    return found | ({"tls": {"ca": str(tls.ca), "cert": None, "key": None}} if tls is not None else {})


def _environment(host: ServerHost, node: _Node, epmd: int) -> Mapping[str, str]:
    """Every path is ours: a file of the system's in /etc or /var would change, or break, what is measured."""
    folder = node.folder
    return {
        "HOME": str(host.folder),  # where .erlang.cookie lies
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_CRASH_DUMP": str(host.logs / f"{node.name}.erl_crash.dump"),
        "RABBITMQ_NODENAME": node.atom,
        "RABBITMQ_NODE_PORT": str(node.port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(node.dist),
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


def _cookie(folder: Path) -> None:
    """One for all nodes; kept on a restart."""
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)  # Erlang refuses any other mode


def _write(node: _Node, nodes: Sequence[_Node], vhost: str, tls: Certificates | None) -> None:
    """Again on a restart: new ports, the same data."""
    folder = node.folder
    for name in ("data", "log", "generated", "conf.d"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "env.conf").write_text("")
    (folder / "advanced.config").write_text(ADVANCED)
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    lines = [
        f"listeners.tcp.default = 127.0.0.1:{node.port}",
        "management.tcp.ip = 127.0.0.1",
        f"management.tcp.port = {node.management}",
        f"default_vhost = {vhost}",
        f"collect_statistics_interval = {STATS_INTERVAL_MS}",
    ]
    if tls is not None:
        lines[0] = "listeners.tcp = none"
        lines += [
            f"listeners.ssl.default = 127.0.0.1:{node.port}",
            f"ssl_options.cacertfile = {tls.ca}",
            f"ssl_options.certfile = {tls.cert}",
            f"ssl_options.keyfile = {tls.key}",
            "ssl_options.verify = verify_none",
        ]
    if len(nodes) > 1:
        lines.append("cluster_formation.peer_discovery_backend = classic_config")
        lines += [f"cluster_formation.classic_config.nodes.{n} = {each.atom}" for n, each in enumerate(nodes, 1)]
    (folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")


def _running(of: Mapping[str, Any]) -> int:
    return sum(bool(node["running"]) for node in Management(of).nodes())


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
