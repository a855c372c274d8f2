"""ActiveMQ servers of others: TLS and a user that work, and each way not to get in said in one line."""

import dataclasses
import importlib.util
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from stomp.exception import NotConnectedException

from brokerbench.contract import BadTarget, Destination, Session, Settle, install_line
from brokerbench.model import ServerKind
from brokerbench.servers import Certificates, Guardian, Server, free_port
from brokerbench_drivers.activemq import DRIVER
from brokerbench_drivers.activemq.wire import Wire
from tests.conformance.lab import payloads_of, until, within
from tests.conformance.payloads import batch, body
from tests.support.absent import absent, recipe_of

SOON_S = 60.0  # a hang's limit, not a measure
TO = Destination("bb.external.t1", 1, 1, {"a": 1})


def settings(product: str, **changed: object) -> Any:
    filled = {"product": product, "persistent": False, "confirms": True, "ack": "individual", "tls": True}
    return DRIVER.Settings.model_validate(filled | changed)


@pytest.fixture(scope="module", params=["artemis", "classic"])
def product(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(product: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    recipe_of("activemq")
    with Guardian() as guardian:
        host = guardian.host(product, tmp_path_factory.mktemp("logs"))
        yield DRIVER.servers[ServerKind.EMBEDDED].start(host, settings(product))
        host.close()


@pytest.fixture(params=list(DRIVER.clients))
def client(request: pytest.FixtureRequest) -> str:
    if importlib.util.find_spec(DRIVER.clients[request.param]) is None:
        absent(f"client {request.param} is not installed: {install_line(DRIVER, request.param)}")
    return str(request.param)


def url(server: Server, *, password: str | None = None, host: str = "localhost", ca: str | None = None) -> str:
    of = server.address
    ca = ca or of["tls"]["ca"]
    login = f"{of['user']}:{quote(password or of['password'])}"
    return f"stomp+ssl://{login}@{host}:{of['port']}?jolokia={quote(of['jolokia'])}&ca={quote(ca)}&amqp_port={of['amqp_port']}"


def session(address: Any, product: str, client: str, group: str | None = None) -> Session:
    endpoints = dataclasses.replace(_declared(address, product), address=address)
    return Session(endpoints, client, settings(product), 100, 10, 64, 0, group)


def _declared(address: Any, product: str) -> Any:
    from brokerbench_drivers.activemq.names import endpoints_of

    return endpoints_of(address, settings(product).product, TO)


def test_tls_and_a_user_carry_messages(server: Server, product: str, client: str) -> None:
    address = DRIVER.address(url(server))
    admin = DRIVER.admin(address, settings(product))
    assert admin.busy() == ""
    endpoints = admin.declare(TO)
    assert product in admin.facts(endpoints)["product"].lower()
    sending, taking = (DRIVER.connect(session(address, product, client, group)) for group in (None, "a"))
    producer, consumer = sending.producer(), taking.consumer()
    sent = [body(1, 0, n, 64) for n in range(20)]
    assert producer.send(batch(sent)) == len(sent)
    got: list[bytes] = []

    def pull() -> None:
        deliveries = consumer.receive(0.05)
        got.extend(payloads_of(deliveries))
        consumer.settle(deliveries.tokens, Settle.ACCEPT)

    until(lambda: len(got) == len(sent), "all of them", pull)
    assert got == sent
    assert admin.busy() == "2 connections of others"
    for connection in (sending, taking):
        within(SOON_S, connection.close, "Connection.close")
    admin.delete(endpoints)
    admin.close()


def test_who_writes_while_a_tls_connection_is_being_ended_is_told(server: Server) -> None:
    """stomp.py's thread closes its queue first, and the socket after that."""
    wire = Wire(DRIVER.address(url(server)))
    wire.attempt_connection()
    wire.shutdown_queue()
    with pytest.raises(NotConnectedException):
        wire.put(b"\n")
    wire.socket.close()


def test_what_is_rejected_leaves_its_queue(server: Server, product: str, client: str) -> None:
    address = DRIVER.address(url(server))
    admin = DRIVER.admin(address, settings(product))
    endpoints = admin.declare(TO)
    sending, taking = (DRIVER.connect(session(address, product, client, group)) for group in (None, "a"))
    consumer = taking.consumer()
    assert sending.producer().send(batch([body(1, 0, n, 64) for n in range(5)])) == 5
    rejected: list[bytes] = []

    def reject() -> None:
        deliveries = consumer.receive(0.05)
        rejected.extend(payloads_of(deliveries))
        consumer.settle(deliveries.tokens, Settle.REJECT)

    until(lambda: len(rejected) == 5, "all of them", reject)
    until(lambda: admin.counters(endpoints).stored == 0, "none stored", reject)
    assert len(rejected) == 5
    if client == "stomp.py":
        with pytest.raises(NotImplementedError, match="requeue"):
            consumer.settle(("1",), Settle.REQUEUE)
    for connection in (sending, taking):
        connection.close()
    admin.delete(endpoints)


def refused(work: Any) -> str:
    with pytest.raises(BadTarget) as error:
        within(SOON_S, work, "what cannot work")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_wrong_password(server: Server, product: str, client: str) -> None:
    address = DRIVER.address(url(server, password="not-this-one"))
    for work in (
        lambda: DRIVER.admin(address, settings(product)),
        lambda: DRIVER.connect(session(address, product, client)),
    ):
        said = refused(work)
        assert "not-this-one" not in said


def test_a_wrong_authority(server: Server, product: str, client: str, tmp_path: Path) -> None:
    other = Certificates.make(tmp_path)
    address = DRIVER.address(url(server, ca=str(other.ca)))
    assert "certificate" in refused(lambda: DRIVER.connect(session(address, product, client)))


def test_a_wrong_host_name(server: Server, product: str, client: str) -> None:
    address = DRIVER.address(url(server, host="0.0.0.0"))  # it reaches this machine, and is in no certificate of ours
    assert "0.0.0.0" in refused(lambda: DRIVER.connect(session(address, product, client)))


def test_nothing_listens(product: str, client: str) -> None:
    port = free_port()
    address = DRIVER.address(f"stomp://me:secret-word@127.0.0.1:{port}?jolokia=http://127.0.0.1:{port}/jolokia")
    for work in (
        lambda: DRIVER.admin(address, settings(product)),
        lambda: DRIVER.connect(session(address, product, client)),
    ):
        said = refused(work)
        assert str(port) in said
        assert "secret-word" not in said


def test_somebody_who_speaks_something_else(client: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = DRIVER.address(f"stomp://127.0.0.1:{listener.getsockname()[1]}")
        answering = threading.Thread(target=_say_something_else, args=(listener,))
        answering.start()
        said = refused(lambda: DRIVER.connect(session(address, "artemis", client)))
        answering.join()
    assert f"127.0.0.1:{address['port']}" in said


def _say_something_else(listener: socket.socket) -> None:
    met, _ = listener.accept()
    with met:
        met.recv(1024)
        met.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_amqp_has_schemes_and_a_port_of_its_own() -> None:
    assert DRIVER.address("amqp://h")["port"] == 5672
    assert DRIVER.address("amqps://h")["tls"] == {"ca": None, "cert": None, "key": None}
    assert DRIVER.address("stomp://h?amqp_port=5671")["amqp_port"] == 5671


def test_a_cumulative_acknowledgement_is_stomps() -> None:
    assert "client: stomp.py" in DRIVER.refusal("proton", settings("artemis", ack="cumulative"))
    assert DRIVER.refusal("stomp.py", settings("artemis", ack="cumulative")) == ""


def test_the_other_product_is_named(server: Server, product: str) -> None:
    other = "classic" if product == "artemis" else "artemis"
    said = refused(lambda: DRIVER.admin(DRIVER.address(url(server)), settings(other)))
    assert f"use product: {product}" in said


def test_a_classic_server_of_others_must_be_said_to_flush(server: Server, product: str) -> None:
    """It does not report it; Artemis does."""
    address = DRIVER.address(url(server))
    durable = settings(product, persistent=True, journal_sync="always")
    if product == "classic":
        assert "journal_sync=always" in refused(lambda: DRIVER.admin(address, durable))
        address = DRIVER.address(url(server) + "&journal_sync=always")
    DRIVER.admin(address, durable).close()


def test_without_jolokia_it_says_how() -> None:
    assert "jolokia=" in refused(lambda: DRIVER.admin(DRIVER.address("stomp://127.0.0.1:1"), DRIVER.Settings()))


@pytest.mark.parametrize(
    "wrong",
    ["stomp://", "stomp://h?jolokia=ftp://x", "stomp://h?what=1", "stomp+ssl://h?ca=/no/file", "amqp://h?amqp_port=x"],
)
def test_a_wrong_url(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"url|jolokia|amqp_port"):
        DRIVER.address(wrong)
