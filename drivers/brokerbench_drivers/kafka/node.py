"""One KRaft node of a Kafka of our own, broker and controller in one process: its properties, and how it starts."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from brokerbench.servers import Certificates, ServerHost, ServerProcess
from brokerbench.servers.java import Java

__all__ = ["SERVER_FLAGS", "Node", "Shape", "heap_flags", "keystore"]

# The server runs as its own start script runs it; the short-lived format step only has to be quick.
_FORMAT_FLAGS = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
SERVER_FLAGS = (
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
)
_PROPERTIES = "server.properties"
_LOGGING = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
"""


@dataclass(frozen=True)
class Node:
    number: int  # from 1
    port: int  # for clients
    inner: int  # for the other nodes
    controller: int
    home: Path

    @staticmethod
    def new(host: ServerHost, number: int) -> "Node":
        """On the ports of an earlier start on the same data: until a broker has registered itself again the others
        know it where it was, and a coordinator of transactions may keep to that."""
        home = host.folder / f"node{number}"
        earlier = _ports(home / _PROPERTIES)
        return Node(number, *(earlier or (host.free_port(), host.free_port(), host.free_port())), home)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.home / "data"

    def cluster_id(self) -> str | None:
        """Where an earlier start has formatted its folder."""
        try:
            text = (self.data / "meta.properties").read_text()
        except FileNotFoundError:
            return None
        return next((line.partition("=")[2] for line in text.splitlines() if line.startswith("cluster.id=")), None)


@dataclass(frozen=True)
class Shape:
    """What the nodes of one cluster have in common."""

    nodes: Sequence[Node]
    cluster_id: str
    tls: Certificates | None

    def properties(self, node: Node) -> dict[str, object]:
        """Beyond replication factors, what differs from Kafka's defaults and why: internal topics have a partition
        for each node, not 50, so that a server is up in seconds; the group's first rebalance need not wait for more
        members; a deleted trial's data leaves the disk before the next trial, not during it."""
        copies = min(3, len(self.nodes))
        most = max(1, copies - 1)  # may go on without one
        found: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": node.number,
            "controller.quorum.voters": ",".join(f"{n.number}@127.0.0.1:{n.controller}" for n in self.nodes),
            "listeners": f"CLIENTS://{node.address},INNER://127.0.0.1:{node.inner},"
            f"CONTROLLER://127.0.0.1:{node.controller}",
            "advertised.listeners": f"CLIENTS://{node.address},INNER://127.0.0.1:{node.inner}",
            "inter.broker.listener.name": "INNER",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": f"CLIENTS:{'SSL' if self.tls else 'PLAINTEXT'},INNER:PLAINTEXT,"
            "CONTROLLER:PLAINTEXT",
            "log.dirs": node.data,
            "default.replication.factor": copies,
            "min.insync.replicas": most,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": len(self.nodes),
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": most,
            "transaction.state.log.num.partitions": len(self.nodes),
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": most,
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            "log.segment.delete.delay.ms": 1000,
        }
        if self.tls:
            found |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": keystore(node.home, self.tls)}
        return found

    def write(self, node: Node) -> tuple[Path, Path]:
        """(its properties, its logging), as files."""
        node.home.mkdir(exist_ok=True)
        properties, logging = node.home / _PROPERTIES, node.home / "log4j2.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in self.properties(node).items()))
        logging.write_text(_LOGGING)
        return properties, logging

    def spawn(self, host: ServerHost, node: Node, java: Java, classpath: str, heap_mib: int) -> ServerProcess:
        """One process from first to last: the shell that formats becomes the server."""
        properties, logging = self.write(node)
        common = (f"-Dlog4j2.configurationFile={logging}", "-Djava.awt.headless=true", "-cp", classpath)
        flags = (*heap_flags(heap_mib), *SERVER_FLAGS)
        script = f"exec {shlex.join([str(java.executable), *flags, *common, 'kafka.Kafka', str(properties)])}"
        if node.cluster_id() is None:
            tool = ("kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", str(properties))
            script = f"{shlex.join([str(java.executable), *_FORMAT_FLAGS, *common, *tool])} && {script}"
        log = "kafka.log" if len(self.nodes) == 1 else f"kafka-{node.number}.log"
        return host.spawn(["/bin/sh", "-c", script], log=log)


def _ports(properties: Path) -> tuple[int, int, int] | None:
    """In the order of `listeners`; None: it was not started before."""
    try:
        text = properties.read_text()
    except FileNotFoundError:
        return None
    listeners = next(line for line in text.splitlines() if line.startswith("listeners="))
    port, inner, controller = (int(each.rpartition(":")[2]) for each in listeners.split(","))
    return port, inner, controller


def heap_flags(heap_mib: int) -> tuple[str, str]:
    return f"-Xms{min(512, heap_mib)}m", f"-Xmx{heap_mib}m"


def keystore(home: Path, tls: Certificates) -> Path:
    """The certificates as Kafka reads them: one file, the key in PKCS #8."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(tls.key.read_bytes(), None)
    home.mkdir(parents=True, exist_ok=True)
    store = home / "keystore.pem"
    store.touch(mode=0o600)
    store.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + tls.cert.read_bytes())
    return store
