"""Starts the nodes of a server of our own, one or several: own ports, data, cookie and epmd.

epmd, Erlang's port mapper, is a daemon that the first node starts and leaves behind: it has a port of its own here, so
no other node depends on it, and is ended with the node's tree.
"""

import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from brokerbench.contract import BadTarget
from brokerbench.servers import Certificates, Server, ServerHost, ServerProcess

from .address import address
from .management import Management
from .node import STATS_INTERVAL_MS, Node, environment, write
from .settings import Settings
from .software import Run

__all__ = ["start_nodes", "vhost_of"]

START_S = 120.0
STOP_GRACE_S = 1.0  # it is done at once, then waits 5 s for its disk monitor's shell; the data is thrown away


def start_nodes(host: ServerHost, settings: Settings, run: Run, count: int) -> Server:
    """The first alone, until a client can use it, then the others side by side: of nodes that start together one may
    wait for ever for the lock that a cluster is founded under (seen with 3.10.8). Raises NotAvailable; none is left."""
    tls = Certificates.make(host.folder) if settings.tls else None
    nodes = [Node.new(host, number) for number in range(1, count + 1)]
    places = [_address(node, settings, tls) for node in nodes]
    epmd_port = host.free_port()
    _cookie(host.folder)
    processes: list[ServerProcess] = []
    try:
        for group in (slice(1), slice(1, None)):
            for node in nodes[group]:
                write(node, nodes[0], host, run, vhost_of(settings), tls)
                log = "rabbitmq.log" if node is nodes[0] else f"{node.name}.log"
                processes.append(host.spawn(run.command, env=environment(node, run, epmd_port), log=log))
            for node, process, place in zip(nodes[group], processes[group], places[group], strict=True):
                host.wait_until(partial(_ready, place), process, START_S, f"RabbitMQ on port {node.port}")
        if count > 1:
            joined = partial(_all_joined, places)
            host.wait_until(joined, processes[0], START_S, f"a RabbitMQ cluster of {count} nodes")
    except BaseException:
        for process in processes:
            process.stop(0)
        raise
    overview = Management(places[0]).overview()
    about = {"version": overview["rabbitmq_version"], "erlang": overview["erlang_version"], **run.about}
    found: dict[str, Any] = {**places[0], "stats_interval_ms": STATS_INTERVAL_MS}
    if count > 1:
        found["nodes"] = [node.place for node in nodes]
    return Server(found, processes[0], about, STOP_GRACE_S, others=processes[1:])


def vhost_of(settings: Settings) -> str:
    return settings.vhost or "/"


def _address(node: Node, settings: Settings, tls: Certificates | None) -> dict[str, Any]:
    found = address("127.0.0.1", node.port, node.management_port, vhost=vhost_of(settings)) | node.place
    return found | ({"tls": {"ca": str(tls.ca), "cert": None, "key": None}} if tls is not None else {})


def _cookie(folder: Path) -> None:
    """One for all nodes; kept on a restart."""
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)  # Erlang refuses any other mode


def _all_joined(places: list[dict[str, Any]]) -> bool:
    """As each of them sees it."""
    return all(sum(bool(node["running"]) for node in Management(of).nodes()) == len(places) for of in places)


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
