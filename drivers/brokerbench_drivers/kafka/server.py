"""Kafka servers of our own: KRaft nodes out of pinned jars or an installed Kafka; one, or a cluster of them."""

import os
import re
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from brokerbench.contract import BadTarget
from brokerbench.model import ServerSpec
from brokerbench.servers import Availability, Certificates, NotAvailable, Server, ServerHost
from brokerbench.servers.java import INSTALL_JAVA, find_java
from brokerbench.servers.maven import PinnedJars
from brokerbench_drivers._dated import dated

from .cluster import Cluster, ClusterError, open_cluster
from .node import SERVER_FLAGS, Node, Shape, heap_flags
from .reach import reach
from .releases import RELEASED
from .settings import Settings

__all__ = ["EmbeddedKafka", "NativeKafka"]

_VERSION = "4.3.1"
_MEGABYTES = 45.0
_START_S = 90.0  # for each node


class _Kafka:
    """Both recipes: they differ in where the jars come from."""

    def __init__(self, nodes: int = 1) -> None:
        self._nodes = nodes

    def tailored(self, settings: Settings, spec: ServerSpec) -> Self:
        found = self._version()
        if spec.version is not None and found and not f"{found}.".startswith(f"{spec.version}."):
            raise NotAvailable(
                f"Kafka {spec.version} is asked, and {found} is here: leave version out, or unpack it and use"
                " server: native with KAFKA_HOME"
            )
        return type(self)(spec.nodes)

    def key(self, settings: Settings) -> str:
        return f"{type(self).__name__}-{self._heap_mib(settings)}-tls={settings.tls}"

    def _heap_mib(self, settings: Settings) -> int:
        return settings.heap_mib or (1024 if self._nodes == 1 else 512)

    def _start(self, host: ServerHost, settings: Settings, classpath: str, version: str) -> Server:
        java = find_java()
        if java is None:
            raise NotAvailable(f"Kafka needs a Java of 17 or newer, and none was found: {INSTALL_JAVA}")
        nodes = [Node.new(host, number) for number in range(1, self._nodes + 1)]
        tls = Certificates.make(host.folder) if settings.tls else None
        shape = Shape(nodes, nodes[0].cluster_id() or _new_id(), tls)
        heap_mib = self._heap_mib(settings)
        many = f", {self._nodes} nodes" if self._nodes > 1 else ""
        host.say(f"Kafka {version} on Java {java.version}{many}: formatting and starting")
        processes = [shape.spawn(host, node, java, classpath, heap_mib) for node in nodes]
        address: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": nodes[0].port,
            "bootstrap": ",".join(node.address for node in nodes),
        }
        if tls:
            address["tls"] = {"ca": str(tls.ca), "cert": None, "key": None}
        for number, node in enumerate(nodes):
            ready = _Ready({**address, "bootstrap": node.address}, shape)
            try:
                host.wait_until(ready, processes[number], _START_S, f"Kafka on {node.address}")
            except NotAvailable:
                if len(nodes) == 1 or processes[number].alive():
                    raise
                # Where the others are slow to come, KRaft's sending thread may meet a broken connection that it takes
                # for fatal, and ends its node (seen once, on a busy machine). Its data is as it was.
                host.say(f"Kafka on {node.address} ended before its cluster was there: once more")
                processes[number] = shape.spawn(host, node, java, classpath, heap_mib)
                host.wait_until(ready, processes[number], _START_S, f"Kafka on {node.address}")
        about = {**dated(version, RELEASED), **java.facts, "nodes": str(self._nodes)}
        about |= {"heap": f"{heap_mib} MiB" + (" on each node" if self._nodes > 1 else "")}
        about |= {"flags": " ".join((*heap_flags(heap_mib), *SERVER_FLAGS))}
        return Server(address, processes[0], about, others=processes[1:])

    def _version(self) -> str | None:
        """Which one there is; None: none."""
        raise NotImplementedError


class EmbeddedKafka(_Kafka):
    def __init__(self, nodes: int = 1) -> None:
        super().__init__(nodes)
        self._jars = PinnedJars(f"Kafka {_VERSION}", Path(__file__).with_name("jars.sha256"), _MEGABYTES, "kafka")

    def available(self) -> Availability:
        java = find_java()
        if java is None:
            return Availability(ready=False, what=f"Kafka {_VERSION} needs a Java: {INSTALL_JAVA}")
        what = f"Kafka {_VERSION} on Java {java.major}"
        missing = self._jars.missing()
        if not missing:
            return Availability(ready=True, what=what)
        if not self._jars.can_fetch():
            return Availability(ready=False, what=f"{what} is fetched by jgo: pip install 'brokerbench[kafka]'")
        megabytes = round(_MEGABYTES * len(missing) / len(self._jars.jars), 1)
        return Availability(ready=False, fetchable=True, download_mb=megabytes, what=what)

    def fetch(self, say: Callable[[str], None]) -> None:
        self._jars.fetch(say)

    def start(self, host: ServerHost, settings: Settings) -> Server:
        self._jars.fetch(host.say)
        return self._start(host, settings, self._jars.classpath(), _VERSION)

    def _version(self) -> str:
        return _VERSION


class NativeKafka(_Kafka):
    """An unpacked Kafka distribution of 4.0 or newer that KAFKA_HOME points to."""

    def available(self) -> Availability:
        found, what = _home()
        java = find_java()
        if found and java is None:
            return Availability(ready=False, what=f"{what} needs a Java: {INSTALL_JAVA}")
        return Availability(ready=found is not None, what=f"{what} on Java {java.major}" if found and java else what)

    def fetch(self, say: Callable[[str], None]) -> None:
        found, what = _home()
        if found is None:
            raise NotAvailable(what)

    def start(self, host: ServerHost, settings: Settings) -> Server:
        found, what = _home()
        if found is None:
            raise NotAvailable(what)
        libs, version = found
        return self._start(host, settings, f"{libs}/*", version)

    def _version(self) -> str | None:
        found, _ = _home()
        return found[1] if found else None


def _home() -> tuple[tuple[Path, str] | None, str]:
    """((libs, version), what) of KAFKA_HOME; (None, why not)."""
    home = os.environ.get("KAFKA_HOME")
    if not home:
        return None, "set KAFKA_HOME to an unpacked Kafka of 4.0 or newer, or use server: embedded"
    libs = Path(home, "libs")
    versions = [
        m[1]
        for jar in sorted(libs.glob("kafka_2.*.jar"))
        if (m := re.fullmatch(r"kafka_[\d.]+-(\d[\d.]*)\.jar", jar.name))
    ]
    if not versions:
        return None, f"KAFKA_HOME is {home}, where no libs/kafka_*.jar is; unset it, or point it to an unpacked Kafka"
    if int(versions[0].split(".")[0]) < 4:
        return None, f"KAFKA_HOME holds Kafka {versions[0]}; 4.0 or newer is needed, or use server: embedded"
    return (libs, versions[0]), f"Kafka {versions[0]} of KAFKA_HOME"


def _new_id() -> str:
    """A cluster's id as Kafka writes one; never with a dash in front, which would read as an option."""
    return "b" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]


class _Ready:
    """A port that listens is not a broker that serves: ask for its metadata and a group, whether it is ours, and
    whether all nodes are there."""

    def __init__(self, address: Mapping[str, Any], shape: Shape) -> None:
        self._address, self._shape = address, shape
        self._cluster: Cluster | None = None

    def __call__(self) -> bool:
        try:
            if self._cluster is None:
                reach(self._address)
                self._cluster = open_cluster(self._address, timeout_s=5.0)
            if len(self._cluster.brokers()) < len(self._shape.nodes):
                return False
            self._cluster.committed("brokerbench-ready", "brokerbench-ready", 1)
            ours = self._cluster.cluster_id() == self._shape.cluster_id
        except (BadTarget, ClusterError):
            return False
        self._cluster.close()
        return ours
