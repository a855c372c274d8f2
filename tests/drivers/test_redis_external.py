"""A server of others: users, TLS, weaker settings, company; what is wrong is said in one line, without the password."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import BadTarget, Destination, Session, Settle
from brokerbench.servers import Certificates, Guardian, Host, free_port
from brokerbench_drivers._dialogue import listens
from brokerbench_drivers.redis import DRIVER
from tests.conformance.lab import payloads_of, until, within
from tests.conformance.payloads import batch
from tests.support.absent import recipe_of

SECRET = "hush-hush"
SOON_S = 60.0  # a hang's limit, not a measure
NAMES = ("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with Guardian() as guardian:
        made = guardian.host("redis", tmp_path_factory.mktemp("logs"))
        yield made
        made.close()


def _start(host: Host, folder: Path, names: tuple[str, ...] = NAMES) -> tuple[int, Certificates]:
    """redis-server with TLS and one user."""
    settings = DRIVER.Settings(product="redis", tls=True)
    recipe = recipe_of("redis", settings=settings)
    made = Certificates.make(folder, names)
    port = free_port()
    program = recipe.available().what.partition(" at ")[2]
    options = {"port": 0, "tls-port": port, "bind": "127.0.0.1", "tls-auth-clients": "no"}
    options |= {"tls-cert-file": made.cert, "tls-key-file": made.key, "tls-ca-cert-file": made.ca}
    users = ["user default off", f"user bench on >{SECRET} ~* &* +@all"]
    file = folder / "redis.conf"
    file.write_text("\n".join([*(f"{name} {value}" for name, value in options.items()), *users, 'save ""', ""]))
    process = host.spawn([program, str(file)])
    host.wait_until(lambda: listens(port), process, 20, "redis-server")
    return port, made


@pytest.fixture(scope="module")
def secured(host: Host, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Certificates]:
    return _start(host, tmp_path_factory.mktemp("secured"))


def _admin(url: str, **settings: object) -> Any:
    return DRIVER.admin(DRIVER.address(url), DRIVER.Settings.model_validate(settings))


def _refused(url: str, **settings: object) -> str:
    with pytest.raises(BadTarget) as refused:
        within(SOON_S, lambda: _admin(url, **settings), url)
    text = str(refused.value)
    assert "\n" not in text
    assert SECRET not in text
    return text


@pytest.mark.broker("redis")
def test_user_and_tls_carry_messages(secured: tuple[int, Certificates]) -> None:
    port, made = secured
    url = f"rediss://bench:{SECRET}@127.0.0.1:{port}?ca={made.ca}"
    admin = _admin(url)
    endpoints = admin.declare(Destination("bb.r.t", 1, 1, {"a": 1}))
    settings = DRIVER.Settings(noack=False)
    sent = [b"%016d" % number + bytes(20000) for number in range(50)]
    producer = DRIVER.connect(Session(endpoints, "hiredis", settings, 50, 50, 20016, 0, None))
    consumer = DRIVER.connect(Session(endpoints, "hiredis", settings, 50, 50, 20016, 0, "a"))
    going, coming = producer.producer(), consumer.consumer()
    assert going.send(batch(sent)) == len(sent)
    got: list[bytes] = []

    def move() -> None:
        going.confirms(0.0)
        deliveries = coming.receive(0.05)
        got.extend(payloads_of(deliveries))
        coming.settle(deliveries.tokens, Settle.ACCEPT)

    until(lambda: len(got) == len(sent), "all of them", move)
    assert got == sent
    producer.close()
    consumer.close()
    admin.delete(endpoints)
    assert SECRET not in str(admin.facts(endpoints))
    admin.close()


@pytest.mark.broker("redis")
def test_what_is_wrong_with_access_is_said(secured: tuple[int, Certificates], tmp_path: Path) -> None:
    port, made = secured
    at, ca = f"127.0.0.1:{port}", f"?ca={made.ca}"
    assert "user 'bench'" in _refused(f"rediss://bench:wrong-{SECRET}@{at}{ca}")
    assert "user 'default'" in _refused(f"rediss://{at}{ca}")
    other = Certificates.make(tmp_path)
    assert "certificate" in _refused(f"rediss://bench:{SECRET}@{at}?ca={other.ca}")
    assert at in _refused(f"redis://bench:{SECRET}@{at}")
    closed = f"127.0.0.1:{free_port()}"
    assert closed in _refused(f"redis://bench:{SECRET}@{closed}")
    with pytest.raises(ValueError, match="is not a file"):
        DRIVER.address(f"rediss://{at}?ca={tmp_path / 'none.pem'}")


@pytest.mark.broker("redis")
def test_a_certificate_for_another_name_is_refused(host: Host, tmp_path: Path) -> None:
    port, made = _start(host, tmp_path, ("elsewhere.invalid",))
    assert "certificate" in _refused(f"rediss://bench:{SECRET}@127.0.0.1:{port}?ca={made.ca}")


@pytest.fixture(scope="module")
def plain(host: Host) -> str:
    """A server that writes nothing to disk."""
    settings = DRIVER.Settings()
    return DRIVER.url(recipe_of("redis", settings=settings).start(host, settings).address)


@pytest.mark.broker("redis")
def test_a_server_that_gives_less_is_refused(plain: str) -> None:
    assert "appendfsync: always is asked" in _refused(plain, appendfsync="always")
    product = _product(plain)
    other = "redis" if product == "valkey" else "valkey"
    assert f"use product: {product}" in _refused(plain, product=other)


def _product(url: str) -> str:
    admin = _admin(url)
    facts = admin.facts(admin.declare(Destination("bb.r.p", 1, 1, {"a": 1})))
    admin.close()
    assert facts["appendonly"] == "no"
    return str(facts["product"])


@pytest.mark.broker("redis")
def test_others_on_the_server_are_seen(plain: str) -> None:
    quiet = _admin(plain)
    until(lambda: quiet.busy() == "", "nobody else is there")
    endpoints = quiet.declare(Destination("bb.r.b", 1, 1, {"a": 1}))
    other = DRIVER.connect(Session(endpoints, "hiredis", DRIVER.Settings(noack=False), 1, 1, 16, 0, None))
    assert quiet.busy().startswith("1 connection of others, ")
    other.close()
    quiet.close()


@pytest.mark.broker("redis")
@pytest.mark.parametrize("structure", ["stream", "list"])
def test_without_acknowledgements_nothing_is_kept(plain: str, structure: str) -> None:
    settings = DRIVER.Settings(structure=structure, noack=True)
    admin = DRIVER.admin(DRIVER.address(plain), settings)
    endpoints = admin.declare(Destination(f"bb.r.n-{structure}", 1, 1, {"a": 1}))
    producer = DRIVER.connect(Session(endpoints, "hiredis", settings, 100, 10, 16, 0, None)).producer()
    connection = DRIVER.connect(Session(endpoints, "hiredis", settings, 100, 10, 16, 0, "a"))
    consumer, got = connection.consumer(), list[bytes]()
    sent = [b"%016d" % number for number in range(100)]
    assert producer.send(batch(sent)) == len(sent)

    def move() -> None:
        producer.confirms(0.0)
        deliveries = consumer.receive(0.05)
        assert deliveries.tokens is None
        got.extend(payloads_of(deliveries))

    until(lambda: len(got) == len(sent), "all of them", move)
    assert got == sent
    connection.close()
    again = DRIVER.connect(Session(endpoints, "hiredis", settings, 100, 10, 16, 1, "a"))
    assert again.consumer().receive(0.3).count == 0
    again.close()
    admin.delete(endpoints)
    admin.close()


@pytest.mark.broker("redis")
def test_an_idle_consumer_does_not_spin(plain: str) -> None:
    settings = DRIVER.Settings(noack=False)
    admin = _admin(plain)
    endpoints = admin.declare(Destination("bb.r.idle", 1, 1, {"a": 1}))
    connection = DRIVER.connect(Session(endpoints, "hiredis", settings, 10, 10, 16, 0, "a"))
    consumer = connection.consumer()
    before_s = time.process_time()
    assert consumer.receive(1.0).count == 0
    assert time.process_time() - before_s < 0.5  # of the second that it waited
    connection.close()
    admin.delete(endpoints)
    admin.close()
