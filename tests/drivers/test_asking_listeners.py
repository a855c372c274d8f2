"""RabbitMQ, Artemis and Classic with a second port that asks for a client's certificate: the right one carries messages
with every client, no other gets in. The first port is how the recipe sees that its server is up."""

import dataclasses
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from brokerbench.contract import (
    BadTarget,
    Connection,
    Destination,
    Driver,
    Endpoints,
    Session,
    Settle,
    install_line,
)
from brokerbench.servers import Certificates, Guardian, Host, Server
from brokerbench_drivers import load
from tests.conformance.lab import payloads_of, until, within
from tests.conformance.payloads import batch, body
from tests.support.absent import absent, recipe_of

SECRET = "trusted"
HANGS_S = 60.0
COUNT = 20
RABBITMQ = """\
listeners.ssl.asking = 127.0.0.1:{port}
stream.listeners.ssl.asking = 127.0.0.1:{second}
stream.advertised_tls_port = {second}
ssl_options.cacertfile = {made.ca}
ssl_options.certfile = {made.cert}
ssl_options.keyfile = {made.key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
"""
ARTEMIS = """\
<acceptors><acceptor name="asking">tcp://127.0.0.1:{port}?protocols=STOMP,AMQP;sslEnabled=true;needClientAuth=true;\
keyStoreType=PKCS12;keyStorePath={store};keyStorePassword={password};\
trustStoreType=PKCS12;trustStorePath={trust};trustStorePassword={secret}</acceptor>"""
CLASSIC = """\
<transportConnectors>
<transportConnector name="asking" uri="stomp+ssl://127.0.0.1:{port}?needClientAuth=true"/>
<transportConnector name="asking-amqp" uri="amqp+ssl://127.0.0.1:{second}?needClientAuth=true"/>"""


@dataclass
class Asking:
    """What is asked for, and where."""

    port: int
    second: int  # streams' or AMQP's
    made: Certificates
    folder: Path

    def words(self, **more: object) -> dict[str, object]:
        return {**vars(self), "secret": SECRET, **more}

    @property
    def trust(self) -> Path:
        """The authority, as Java reads one."""
        store = self.folder / "trust.p12"
        authority = pkcs12.PKCS12Certificate(x509.load_pem_x509_certificate(self.made.ca.read_bytes()), b"ca")
        sealed = BestAvailableEncryption(SECRET.encode())
        store.write_bytes(pkcs12.serialize_java_truststore([authority], sealed))
        return store


def _rabbitmq(home: Path, asking: Asking) -> None:
    [file] = home.glob("*/conf.d")
    (file / "asking.conf").write_text(RABBITMQ.format(**asking.words()))


def _artemis(home: Path, asking: Asking) -> None:
    file, store = home / "broker.xml", home / "tls" / "server.p12"
    text = file.read_text()
    password = text.partition("keyStorePassword=")[2].partition("<")[0]
    more = ARTEMIS.format(**asking.words(trust=asking.trust, store=store, password=password))
    file.write_text(text.replace("<acceptors>", more))


def _classic(home: Path, asking: Asking) -> None:
    file = home / "activemq.xml"
    trust = f'trustStore="file:{asking.trust}" trustStoreType="PKCS12" trustStorePassword="{SECRET}" keyStoreType'
    text = file.read_text().replace("<transportConnectors>", CLASSIC.format(**asking.words()))
    file.write_text(text.replace("keyStoreType", trust))


# product: (driver, settings of its server, of its clients, what writes the second port into its files)
Write = Callable[[Path, Asking], None]
PRODUCTS: Mapping[str, tuple[str, Mapping[str, Any], Write]] = {
    "rabbitmq": ("rabbitmq", {}, _rabbitmq),
    "artemis": ("activemq", {"product": "artemis", "tls": True}, _artemis),
    "classic": ("activemq", {"product": "classic", "tls": True}, _classic),
}
QUEUE = {"exchange": "default", "persistent": False, "confirms": True, "auto_ack": False}
STOMP = {"persistent": False, "confirms": True, "ack": "individual"}
# (product, client): what it is told
CLIENTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("rabbitmq", "pika"): QUEUE,
    ("rabbitmq", "amqpstorm"): QUEUE,
    ("rabbitmq", "rstream"): {"queue_type": "stream", "confirms": True},
    **{(product, client): STOMP for product in ("artemis", "classic") for client in ("stomp.py", "proton")},
}
each = pytest.mark.parametrize(("product", "client"), list(CLIENTS), indirect=["product"], scope="module")


class _Told(Host):
    """Its server finds a second port in its files."""

    asking: Asking
    write: Write

    def spawn(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, log: str = "server.log") -> Any:
        self.write(self.folder, self.asking)
        return super().spawn(argv, env=env, log=log)


@pytest.fixture(scope="module")
def product(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def there(product: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Asking]]:
    name, wanted, write = PRODUCTS[product]
    settings = load(name).Settings.model_validate(wanted)
    recipe = recipe_of(name, settings=settings)
    folder = tmp_path_factory.mktemp(product)
    with Guardian() as guardian:
        host = _Told(guardian, product, folder, print)
        made = Certificates.make(host.folder if wanted.get("tls") else folder)
        host.asking = Asking(host.free_port(), host.free_port(), made, folder)
        host.write = write
        yield recipe.start(host, settings), host.asking
        host.close()


class Client:
    """One client that shows a certificate, or none."""

    def __init__(self, product: str, name: str, there: tuple[Server, Asking], who: Certificates | None) -> None:
        self.driver: Driver = load(PRODUCTS[product][0])
        if importlib.util.find_spec(self.driver.clients[name].partition(".")[0]) is None:
            absent(f"client {name} is not installed: {install_line(self.driver, name)}")
        server, asking = there
        of = server.address
        told = f"ca={asking.made.ca}" + (f"&cert={who.client_cert}&key={who.client_key}" if who else "")
        if product == "rabbitmq":
            told += f"&management=http&management_port={of['management_port']}&stream_port={asking.second}"
            url = f"amqps://guest:guest@127.0.0.1:{asking.port}/?{told}"
        else:
            told += f"&jolokia={quote(of['jolokia'])}"
            told += f"&amqp_port={asking.port if product == 'artemis' else asking.second}"
            url = f"stomp+ssl://{of['user']}:{of['password']}@127.0.0.1:{asking.port}?{told}"
        self.address = self.driver.address(url)
        self.settings = self.driver.Settings.model_validate(PRODUCTS[product][1] | CLIENTS[product, name])
        self.name = name
        self.ports = {str(asking.port), str(asking.second)}

    def connect(self, endpoints: Endpoints, group: str | None) -> Connection:
        at = dataclasses.replace(endpoints, address=self.address)
        return self.driver.connect(Session(at, self.name, self.settings, 100, 100, 64, 0, group))


@each
def test_the_right_certificate_carries_messages(product: str, client: str, there: tuple[Server, Asking]) -> None:
    ours = Client(product, client, there, there[1].made)
    admin = ours.driver.admin(ours.address, ours.settings)
    endpoints = admin.declare(Destination(f"bb.asking.{client}", 1, 1, {"a": 1}))
    taking, sending = ours.connect(endpoints, "a"), ours.connect(endpoints, None)
    consumer, producer = taking.consumer(), sending.producer()
    sent = [body(1, 0, n, 64) for n in range(COUNT)]
    assert producer.send(batch(sent)) == COUNT
    got: list[bytes] = []

    def move() -> None:
        producer.confirms(0.0)
        deliveries = consumer.receive(0.05)
        got.extend(payloads_of(deliveries))
        if deliveries.tokens is not None:
            consumer.settle(deliveries.tokens, Settle.ACCEPT)

    until(lambda: len(got) == COUNT, "all of them", move)
    assert got == sent
    for connection in (sending, taking):
        within(HANGS_S, connection.close, "Connection.close")
    admin.delete(endpoints)
    admin.close()


@pytest.mark.parametrize("whose", ["none", "a stranger's"])
@each
def test_no_other_is_let_in(
    product: str, client: str, whose: str, there: tuple[Server, Asking], tmp_path: Path
) -> None:
    ours = Client(product, client, there, there[1].made)
    admin = ours.driver.admin(ours.address, ours.settings)
    endpoints = admin.declare(Destination(f"bb.{whose[0]}.{client}", 1, 1, {"a": 1}))
    other = Client(product, client, there, None if whose == "none" else Certificates.make(tmp_path))
    doors = [lambda: other.connect(endpoints, None).producer(), lambda: other.connect(endpoints, "a").consumer()]
    if product == "rabbitmq":  # of ActiveMQ an admin uses the management alone
        doors.append(lambda: other.driver.admin(other.address, other.settings))
    for door in doors:
        with pytest.raises(BadTarget) as refused:
            within(HANGS_S, door, "what cannot work")
        said = str(refused.value)
        assert "\n" not in said
        assert any(port in said for port in other.ports)
        assert "give cert= and key= in the url" in said if whose == "none" else str(tmp_path) in said, said
    admin.delete(endpoints)
    admin.close()
