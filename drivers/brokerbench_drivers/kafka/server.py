"""A Kafka server of our own: one KRaft node that is broker and controller, out of pinned jars or an installed Kafka."""

import os
import re
import shlex
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import BadTarget
from brokerbench.servers import Availability, NotAvailable, Server, ServerHost
from brokerbench.servers.java import INSTALL_JAVA, Java, find_java
from brokerbench.servers.maven import PinnedJars
from brokerbench_drivers._dated import dated

from .cluster import Cluster, ClusterError, open_cluster
from .reach import reach
from .releases import RELEASED
from .settings import Settings

__all__ = ["EmbeddedKafka", "NativeKafka"]

_VERSION = "4.3.1"
_MEGABYTES = 45.0
_START_S = 90.0
# The server runs as its own start script runs it; the short-lived format step only has to be quick.
_FORMAT_FLAGS = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_SERVER_FLAGS = (
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
)
# Beyond one node's replication factors, what differs from Kafka's defaults and why: the group's first rebalance need
# not wait for more members; a deleted trial's data leaves the disk before the next trial, not during it.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
log.segment.delete.delay.ms=1000
"""
_LOGGING = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
"""


class _Kafka:
    """Both recipes: they differ in where the jars come from."""

    def key(self, settings: Settings) -> str:
        return f"{type(self).__name__}-{settings.heap_mib}"

    def _start(self, host: ServerHost, settings: Settings, classpath: str, version: str) -> Server:
        java = find_java()
        if java is None:
            raise NotAvailable(f"Kafka needs a Java of 17 or newer, and none was found: {INSTALL_JAVA}")
        port, controller = host.free_port(), host.free_port()
        properties, data = host.folder / "server.properties", host.folder / "data"
        properties.write_text(_PROPERTIES.format(port=port, controller=controller, data=data))
        logging = host.folder / "log4j2.properties"
        logging.write_text(_LOGGING)
        heap = ("-Xms512m" if settings.heap_mib >= 512 else f"-Xms{settings.heap_mib}m", f"-Xmx{settings.heap_mib}m")
        common = (f"-Dlog4j2.configurationFile={logging}", "-Djava.awt.headless=true", "-cp", classpath)
        cluster = _formatted(data) or _new_id()
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties))
        format_step = [str(java.executable), *_FORMAT_FLAGS, *common, *tool]
        server_step = [str(java.executable), *heap, *_SERVER_FLAGS, *common, "kafka.Kafka", str(properties)]
        # One process from first to last: the shell that formats becomes the server.
        script = f"exec {shlex.join(server_step)}"
        if not _formatted(data):
            script = f"{shlex.join(format_step)} && {script}"
        host.say(f"Kafka {version} on Java {java.version}: formatting and starting")
        process = host.spawn(["/bin/sh", "-c", script], log="kafka.log")
        address = {"host": "127.0.0.1", "port": port, "bootstrap": f"127.0.0.1:{port}"}
        host.wait_until(_Ready(address, cluster), process, _START_S, f"Kafka on 127.0.0.1:{port}")
        about = {**dated(version, RELEASED), "java": java.version, "heap": f"{settings.heap_mib} MiB"}
        return Server(address, process, about | {"flags": " ".join((*heap, *_SERVER_FLAGS))})


class EmbeddedKafka(_Kafka):
    def __init__(self) -> None:
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


class NativeKafka(_Kafka):
    """An unpacked Kafka distribution of 4.0 or newer that KAFKA_HOME points to."""

    def available(self) -> Availability:
        found, what = _home()
        java: Java | None = find_java()
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


def _formatted(data: Path) -> str | None:
    """The cluster's id, where an earlier start has formatted the folder."""
    try:
        text = (data / "meta.properties").read_text()
    except FileNotFoundError:
        return None
    return next((line.partition("=")[2] for line in text.splitlines() if line.startswith("cluster.id=")), None)


class _Ready:
    """A port that listens is not a broker that serves: ask for its metadata and a group, and whether it is ours."""

    def __init__(self, address: Mapping[str, Any], cluster_id: str) -> None:
        self._address, self._cluster_id = address, cluster_id
        self._cluster: Cluster | None = None

    def __call__(self) -> bool:
        try:
            if self._cluster is None:
                reach(self._address)
                self._cluster = open_cluster(self._address, timeout_s=5.0)
            self._cluster.committed("brokerbench-ready", "brokerbench-ready", 1)
            ours = self._cluster.cluster_id() == self._cluster_id
        except (BadTarget, ClusterError):
            return False
        self._cluster.close()
        return ours
