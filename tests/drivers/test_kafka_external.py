"""A Kafka of somebody else's, with TLS and SASL: the right words work, and what is wrong is told in one clear line."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import BadTarget, Destination, Endpoints, Session
from brokerbench.model import ServerKind
from brokerbench.servers import Certificates, Guardian, free_port
from brokerbench.servers.java import find_java
from brokerbench_drivers.kafka import DRIVER
from brokerbench_drivers.kafka.cluster import ClusterError, open_cluster
from brokerbench_drivers.kafka.cluster_kafka_python import KafkaPythonCluster
from brokerbench_drivers.kafka.node import keystore
from tests.conformance.lab import within
from tests.conformance.payloads import batch, body
from tests.support.absent import recipe_of
from tests.support.running import until

pytestmark = pytest.mark.broker("kafka")
SECRET = "hush/hush"
WRONG = "wr0ng"
SOON_S = 60.0  # a hang's limit, not a measure
SETTINGS = DRIVER.Settings(acks="all", idempotence=True, commit="settled")
PROTOCOLS = {"PLAIN": "PLAINTEXT", "TLS": "SSL", "OTHER": "SSL", "SASL": "SASL_PLAINTEXT", "BOTH": "SASL_SSL"}
PROTOCOLS |= {"MUTUAL": "SSL"}  # asks for a client's certificate
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs={home}/data
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location={right}
listener.name.other.ssl.keystore.type=PEM
listener.name.other.ssl.keystore.location={wrong}
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.truststore.type=PEM
listener.name.mutual.ssl.truststore.location={ca}
"""
LOGIN = 'org.apache.kafka.common.security.{module} required username="bench" password="{secret}" user_bench="{secret}";'


@dataclass(frozen=True)
class Theirs:
    ports: dict[str, int]
    ca: Path
    other_ca: Path
    client: str  # the files of a certificate, as a url has them

    def url(self, listener: str, sasl: str = "", password: str = SECRET, ca: Path | None = None) -> str:
        tls = PROTOCOLS[listener].endswith("SSL")
        who = f"bench:{password.replace('/', '%2F')}@" if sasl else ""
        own = self.client if listener == "MUTUAL" else ""
        query = ([f"sasl={sasl}"] if sasl else []) + ([f"ca={ca or self.ca}{own}"] if tls else [])
        place = f"{who}127.0.0.1:{self.ports[listener]}"
        return f"kafka{'+ssl' if tls else ''}://{place}{'?' if query else ''}{'&'.join(query)}"


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theirs]:
    """One broker with a listener for each way in; the users of SCRAM are made when it is formatted."""
    recipe_of("kafka")
    home = tmp_path_factory.mktemp("kafka")
    right, wrong = Certificates.make(home), Certificates.make(home / "other", ("broker.invalid",))
    embedded: Any = DRIVER.servers[ServerKind.EMBEDDED]
    java = find_java()
    assert java is not None
    ports = {name: free_port() for name in PROTOCOLS}
    file = home / "server.properties"
    file.write_text(
        PROPERTIES.format(
            controller=(controller := free_port()),
            home=home,
            ca=right.ca,
            right=keystore(home / "right", right),
            wrong=keystore(home / "wrong", wrong),
        )
        + "\n".join([*_listeners(ports, controller), *_logins(), ""])
    )
    run = [str(java.executable), "-Xmx512m", "-cp", embedded._jars.classpath()]
    users = [f"--add-scram={m}=[name=bench,password={SECRET}]" for m in ("SCRAM-SHA-256", "SCRAM-SHA-512")]
    form = [*run, "kafka.tools.StorageTool", "format", "-t", "b0b0b0b0b0b0b0b0b0b0bA", "-c", str(file), *users]
    with Guardian() as guardian:
        host = guardian.host("kafka", home / "logs")
        formatting = host.spawn(form, log="format.log")
        until(lambda: not formatting.alive(), "formatted")
        process = host.spawn([*run, "kafka.Kafka", str(file)], log="kafka.log")
        host.wait_until(partial(_serves, ports["PLAIN"]), process, 60, "Kafka")
        yield Theirs(ports, right.ca, wrong.ca, f"&cert={right.client_cert}&key={right.client_key}")
        host.close()


def _listeners(ports: dict[str, int], controller: int) -> list[str]:
    places = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    protocols = ",".join(f"{name}:{protocol}" for name, protocol in PROTOCOLS.items())
    return [
        f"listeners={places},CONTROLLER://127.0.0.1:{controller}",
        f"advertised.listeners={places}",
        f"listener.security.protocol.map=CONTROLLER:PLAINTEXT,{protocols}",
    ]


def _logins() -> list[str]:
    modules = {"plain": "plain.PlainLoginModule"}
    modules |= dict.fromkeys(("scram-sha-256", "scram-sha-512"), "scram.ScramLoginModule")
    return [
        f"listener.name.{name}.{mechanism}.sasl.jaas.config={LOGIN.format(module=module, secret=SECRET)}"
        for name in ("sasl", "both")
        for mechanism, module in modules.items()
    ]


def _serves(port: int) -> bool:
    try:
        open_cluster({"bootstrap": f"127.0.0.1:{port}"}, 2.0).close()
    except ClusterError:
        return False
    return True


@pytest.mark.parametrize("client", list(DRIVER.clients))
@pytest.mark.parametrize(
    ("listener", "sasl"),
    [
        ("TLS", ""),
        ("MUTUAL", ""),
        ("SASL", "PLAIN"),
        ("SASL", "SCRAM-SHA-256"),
        ("BOTH", "PLAIN"),
        ("BOTH", "SCRAM-SHA-512"),
    ],
)
def test_the_right_words_carry_messages(theirs: Theirs, client: str, listener: str, sasl: str) -> None:
    address = DRIVER.address(theirs.url(listener, sasl))
    assert DRIVER.address(DRIVER.url(address)) == address
    admin = DRIVER.admin(address, SETTINGS)
    endpoints = admin.declare(Destination(f"bb.r.{client}-{listener}-{sasl}", 1, 1, {"a": 1}))
    assert SECRET not in str(admin.facts(endpoints))
    coming = DRIVER.connect(Session(endpoints, client, SETTINGS, 50, 50, 64, 0, "a"))
    going = DRIVER.connect(Session(endpoints, client, SETTINGS, 50, 50, 64, 0, None))
    consumer, producer, got = coming.consumer(), going.producer(), 0
    assert producer.send(batch([body(7, 0, n, 64) for n in range(50)])) == 50

    def all_came() -> bool:
        nonlocal got
        producer.confirms(0.01)
        got += consumer.receive(0.05).count
        return got == 50

    until(all_came, "50 messages")
    going.close()
    coming.close()
    admin.delete(endpoints)
    admin.close()


def _administer(address: Any) -> None:
    DRIVER.admin(address, SETTINGS).close()


def _administer_by_kafka_python(address: Any) -> None:
    """As where confluent-kafka is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("brokerbench_drivers.kafka.admin.open_cluster", partial(KafkaPythonCluster, timeout_s=15.0))
        _administer(address)


def _connect(client: str, group: str | None, address: Any) -> None:
    endpoints = Endpoints(address, "bb.r.none", {"a": "bb.r.none.a"})
    connection = DRIVER.connect(Session(endpoints, client, SETTINGS, 50, 50, 64, 0, group))
    try:
        connection.consumer() if group else connection.producer()
    finally:
        connection.close()


WAYS: dict[str, Callable[[Any], None]] = {
    "admin": _administer,
    "admin-by-kafka-python": _administer_by_kafka_python,
    **{f"{client}-producer": partial(_connect, client, None) for client in DRIVER.clients},
    **{f"{client}-consumer": partial(_connect, client, "a") for client in DRIVER.clients},
}
each_way = pytest.mark.parametrize("way", WAYS)


def refused(way: str, url: str) -> str:
    address = DRIVER.address(url)
    with pytest.raises(BadTarget) as found:
        within(SOON_S, lambda: WAYS[way](address), f"{way} at {url}")
    text = str(found.value)
    assert "\n" not in text
    assert address["bootstrap"] in text
    assert SECRET not in text
    assert WRONG not in text
    return text


@each_way
@pytest.mark.parametrize("sasl", ["PLAIN", "SCRAM-SHA-256"])
def test_a_wrong_password(theirs: Theirs, way: str, sasl: str) -> None:
    assert "uthentication" in refused(way, theirs.url("BOTH", sasl, WRONG))


@each_way
def test_a_password_where_none_is_asked_for(theirs: Theirs, way: str) -> None:
    assert "SASL PLAIN" in refused(way, theirs.url("TLS", "PLAIN"))


@each_way
def test_a_wrong_authority(theirs: Theirs, way: str) -> None:
    assert "certificate verify failed" in refused(way, theirs.url("TLS", ca=theirs.other_ca))


@each_way
def test_a_wrong_host_name(theirs: Theirs, way: str) -> None:
    assert "is not valid for '127.0.0.1'" in refused(way, theirs.url("OTHER", ca=theirs.other_ca))


def test_no_certificate_where_one_is_asked_for(theirs: Theirs) -> None:
    """Told by the admin, who comes first; with TLS 1.3 a client learns it only after its handshake."""
    assert "certificate" in refused("admin", theirs.url("MUTUAL").removesuffix(theirs.client))


@each_way
def test_nobody_there(theirs: Theirs, way: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert "refused" in refused(way, f"kafka+ssl://bench:hush%2Fhush@127.0.0.1:{port}?sasl=PLAIN&ca={theirs.ca}")


@each_way
def test_tls_where_none_is_spoken(theirs: Theirs, way: str) -> None:
    assert "does it speak TLS" in refused(way, f"kafka+ssl://127.0.0.1:{theirs.ports['PLAIN']}?ca={theirs.ca}")


def test_no_tls_where_it_is_spoken(theirs: Theirs) -> None:
    """Told by the admin, who comes first."""
    assert "begins with kafka+ssl://" in refused("admin", f"kafka://127.0.0.1:{theirs.ports['TLS']}")
