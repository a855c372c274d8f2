"""A server of others: users, TLS, vhosts; what is wrong is said in one line, soon, and without the password."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import BadTarget, Destination, Endpoints, Session, Settle
from brokerbench.servers import Certificates, Guardian, Host, Server, free_port
from brokerbench_drivers.rabbitmq import DRIVER
from brokerbench_drivers.rabbitmq.management import Management
from tests.conformance.lab import payloads_of, until, within
from tests.conformance.payloads import batch
from tests.support.absent import recipe_of

SECRET = "hush-hush"
SOON_S = 60.0  # a hang's limit, not a measure
SETTINGS = DRIVER.Settings(exchange="default", persistent=False, confirms=True, auto_ack=False, tls=True)

pytestmark = pytest.mark.broker("rabbitmq")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Ours, with TLS and a user of its own beside guest."""
    recipe = recipe_of("rabbitmq", settings=SETTINGS)
    with Guardian() as guardian:
        host = Host(guardian, "rabbitmq", tmp_path_factory.mktemp("logs"), print)
        made = recipe.start(host, SETTINGS)
        management = Management(made.address)
        management._ask("PUT", "/api/users/bench", b'{"password": "%s", "tags": "monitoring"}' % SECRET.encode())
        everything = b'{"configure": ".*", "write": ".*", "read": ".*"}'
        management._ask("PUT", "/api/permissions/%2F/bench", everything)
        yield made
        host.close()


def url(server: Server, *, password: str = SECRET, ca: Path | str | None = None, port: int | None = None) -> str:
    of = server.address
    query = f"ca={ca or of['tls']['ca']}&management_port={of['management_port']}&management=http"
    return f"amqps://bench:{password}@127.0.0.1:{port or of['port']}/?{query}"


def refused(text: str, client: str | None = None) -> str:
    """By the admin, or by a client that is given the address."""
    address = DRIVER.address(text)

    def use() -> Any:
        if client is None:
            return DRIVER.admin(address, SETTINGS)
        return DRIVER.connect(Session(Endpoints(address, "bb.none"), client, SETTINGS, 1, 1, 16, 0, None))

    with pytest.raises(BadTarget) as found:
        within(SOON_S, use, text)
    told = str(found.value)
    assert "\n" not in told
    assert SECRET not in told
    assert "no answer" not in told  # it is refused; nobody waited for a time-out of ours
    return told


@pytest.fixture(params=["pika", "amqpstorm"])
def client(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_user_and_tls_carry_messages(server: Server, client: str) -> None:
    admin = DRIVER.admin(DRIVER.address(url(server)), SETTINGS)
    endpoints = admin.declare(Destination(f"bb.r.{client}", 1, 1, {"a": 1}))
    sent = [b"%016d" % number + bytes(200_000) for number in range(50)]  # of several frames, TLS records, socket fills
    producer = DRIVER.connect(Session(endpoints, client, SETTINGS, 50, 50, 200_016, 0, None))
    consumer = DRIVER.connect(Session(endpoints, client, SETTINGS, 50, 50, 200_016, 0, "a"))
    going, coming = producer.producer(), consumer.consumer()
    got: list[bytes] = []
    taken = confirmed = 0

    def move() -> None:
        nonlocal taken, confirmed
        if taken < len(sent) and going.room() > 0:
            taken += going.send(batch(sent[taken:]))
        answers = going.confirms(0.0)
        confirmed += int((answers.last - answers.first + 1).sum())
        deliveries = coming.receive(0.05)
        got.extend(payloads_of(deliveries))
        coming.settle(deliveries.tokens, Settle.ACCEPT)

    until(lambda: len(got) == confirmed == len(sent), "all of them", move)
    assert got == sent
    producer.close()
    consumer.close()
    assert SECRET not in str(admin.facts(endpoints))
    admin.delete(endpoints)
    admin.close()


def test_a_wrong_password_is_said_by_admin_and_client(server: Server, client: str) -> None:
    wrong = url(server, password=f"wrong-{SECRET}")
    assert "refused user 'bench': 401" in refused(wrong)
    assert "'bench'" in refused(wrong, client)


def test_a_certificate_of_another_authority_is_refused(server: Server, client: str, tmp_path: Path) -> None:
    other = url(server, ca=Certificates.make(tmp_path).ca)
    assert "certificate" in refused(other).lower()
    assert "certificate" in refused(other, client).lower()


def test_nothing_there_is_said_with_the_port(server: Server, client: str) -> None:
    closed = free_port()
    assert f"127.0.0.1:{closed}" in refused(url(server, port=closed))
    assert f"127.0.0.1:{closed}" in refused(url(server, port=closed), client)


def test_no_management_is_said_with_what_to_do(server: Server) -> None:
    closed = free_port()
    text = url(server).replace(f"management_port={server.address['management_port']}", f"management_port={closed}")
    assert "rabbitmq-plugins enable rabbitmq_management" in refused(text)


def test_plain_amqp_to_a_tls_port_is_refused(server: Server, client: str) -> None:
    of = server.address
    assert refused(f"amqp://bench:{SECRET}@127.0.0.1:{of['port']}/?management_port={of['management_port']}", client)


def test_a_vhost_that_is_not_there_is_named(server: Server, client: str) -> None:
    other = url(server).replace("/?", "/nowhere?")
    assert "nowhere" in refused(other)
    assert "nowhere" in refused(other, client)


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    recipe = recipe_of("rabbitmq", settings=SETTINGS)
    with Guardian() as guardian:
        host = Host(guardian, "rabbitmq", tmp_path, print)
        Certificates.make(host.folder, ("elsewhere.invalid", "127.0.0.1"))
        named = DRIVER.url(recipe.start(host, SETTINGS).address).replace("@127.0.0.1:", "@localhost:")
        for client in (None, "pika", "amqpstorm"):
            assert "certificate" in refused(named, client).lower()
        host.close()
