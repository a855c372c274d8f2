"""One RabbitMQ node of a server of our own: its ports, the files that it reads, and what it is started with.

Every path is ours: a file of the system's in /etc or /var would change, or break, what is measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brokerbench.servers import Certificates, ServerHost

from .software import Run

__all__ = ["STATS_INTERVAL_MS", "Node", "environment", "write"]

# The counters of a trial are read when it is over. By default channels report every 5 s and the management API counts
# in steps of 5 s, so they come up to 10 s late; both at 1 s make it 2 s. An idle node costs the same CPU either way.
STATS_INTERVAL_MS = 1000
ADVANCED = """[{rabbitmq_management, [
  {sample_retention_policies, [{global, [{600, 1}]}, {basic, [{600, 1}]}, {detailed, [{600, 1}]}]}
]}].
"""
# A node that joins waits for the first one: one that gives up founds a cluster of its own.
JOIN_TRIES, JOIN_PAUSE_MS = 240, 250


@dataclass(frozen=True)
class Node:
    """Its name says where its data is, so a restart on other ports finds it."""

    name: str
    port: int
    management_port: int
    stream_port: int
    dist_port: int

    @staticmethod
    def new(host: ServerHost, number: int) -> "Node":
        name = "brokerbench" if number == 1 else f"brokerbench{number}"
        return Node(name, *(host.free_port() for _ in range(4)))

    @property
    def atom(self) -> str:
        return f"{self.name}@localhost"

    @property
    def place(self) -> dict[str, Any]:
        """Where clients find it."""
        ports = {"port": self.port, "management_port": self.management_port, "stream_port": self.stream_port}
        return {"host": "127.0.0.1", **ports}


def environment(node: Node, run: Run, epmd_port: int) -> Mapping[str, str]:
    folder = run.folder / node.name
    return {
        "HOME": str(run.folder),  # where .erlang.cookie lies
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_CRASH_DUMP": str(run.logs / f"{node.name}.erl_crash.dump"),
        "RABBITMQ_NODENAME": node.atom,
        "RABBITMQ_NODE_PORT": str(node.port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(node.dist_port),
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
        **run.environment,
    }


def write(node: Node, first: Node, host: ServerHost, run: Run, vhost: str, tls: Certificates | None) -> None:
    """Its files; again on a restart: new ports, the same data. `first` is the node that it joins, or itself."""
    folder = host.folder / node.name
    for name in ("data", "log", "generated", "conf.d"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "env.conf").write_text("")
    (folder / "advanced.config").write_text(ADVANCED)
    (folder / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_stream].\n")
    lines = [
        "management.tcp.ip = 127.0.0.1",
        f"management.tcp.port = {node.management_port}",
        "stream.advertised_host = 127.0.0.1",
        f"default_vhost = {vhost}",
        f"collect_statistics_interval = {STATS_INTERVAL_MS}",
        *_listeners(node, tls, host.folder, run.folder),
        *_peers(node, first),
    ]
    (folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")


def _listeners(node: Node, tls: Certificates | None, ours: Path, seen: Path) -> Sequence[str]:
    if tls is None:
        return [
            f"listeners.tcp.default = 127.0.0.1:{node.port}",
            f"stream.listeners.tcp.default = 127.0.0.1:{node.stream_port}",
            f"stream.advertised_port = {node.stream_port}",
        ]
    ca, cert, key = (seen / path.relative_to(ours) for path in (tls.ca, tls.cert, tls.key))
    return [
        "listeners.tcp = none",
        f"listeners.ssl.default = 127.0.0.1:{node.port}",
        "stream.listeners.tcp = none",
        f"stream.listeners.ssl.default = 127.0.0.1:{node.stream_port}",
        f"stream.advertised_tls_port = {node.stream_port}",
        f"ssl_options.cacertfile = {ca}",
        f"ssl_options.certfile = {cert}",
        f"ssl_options.keyfile = {key}",
        "ssl_options.verify = verify_none",
        "ssl_handshake_timeout = 15000",
    ]


def _peers(node: Node, first: Node) -> Sequence[str]:
    """Only the first and itself: RabbitMQ 4 waits for whom it knows before it founds a cluster."""
    peers = dict.fromkeys((first.atom, node.atom))
    return [
        "cluster_formation.peer_discovery_backend = classic_config",
        *(f"cluster_formation.classic_config.nodes.{n} = {atom}" for n, atom in enumerate(peers, 1)),
        f"cluster_formation.discovery_retry_limit = {JOIN_TRIES}",
        f"cluster_formation.discovery_retry_interval = {JOIN_PAUSE_MS}",
    ]
