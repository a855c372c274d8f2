"""A NATS server of somebody else's, with users and TLS: what goes wrong is told in one clear line."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import BadTarget, Destination
from brokerbench.servers import Certificates, Guardian
from brokerbench_drivers.nats import DRIVER
from brokerbench_drivers.nats.link import Link
from brokerbench_drivers.nats.server import binary_of_wheel
from tests.support.absent import recipe_of
from tests.support.running import until

pytestmark = pytest.mark.broker("nats")
SECRET = "pa55/word"
SETTINGS = DRIVER.Settings(mode="jetstream", storage="memory")


@dataclass(frozen=True)
class Theirs:
    port: int
    monitor: int
    ca: Path
    other_port: int  # its certificate is for another name
    other_ca: Path


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theirs]:
    recipe_of("nats")
    home = tmp_path_factory.mktemp("nats")
    right, wrong = Certificates.make(home), Certificates.make(home / "other", ("broker.invalid",))
    binary, _ = binary_of_wheel()
    with Guardian() as guardian:
        host = guardian.host("nats", home / "logs")
        ports = [host.free_port() for _ in range(4)]
        for name, made, port, monitor in (("a", right, *ports[:2]), ("b", wrong, *ports[2:])):
            config = home / f"{name}.conf"
            config.write_text(
                f'host: 127.0.0.1\nport: {port}\nhttp: "127.0.0.1:{monitor}"\n'
                f'authorization {{ user: "user", password: "{SECRET}", timeout: 15 }}\n'
                f'tls {{ cert_file: "{made.cert}", key_file: "{made.key}" }}\n'
                f'jetstream {{ store_dir: "{home / name}" }}\n'
            )
            process = host.spawn([str(binary), "-c", str(config)], log=f"{name}.log")
            host.wait_until(lambda port=port: _listens(port), process, 20, "nats-server")
        yield Theirs(ports[0], ports[1], right.ca, ports[2], wrong.ca)
        host.close()


def _listens(port: int) -> bool:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
    return True


def address(port: int, ca: Path, password: str = SECRET, monitor: int = 0) -> Any:
    more = f"&monitor=http://127.0.0.1:{monitor}" if monitor else ""
    return DRIVER.address(f"tls://user:{password.replace('/', '%2F')}@127.0.0.1:{port}?ca={ca}{more}")


def test_the_right_one_is_used(theirs: Theirs) -> None:
    admin = DRIVER.admin(address(theirs.port, theirs.ca, monitor=theirs.monitor), SETTINGS)
    endpoints = admin.declare(Destination("bb.r.t", 1, 1, {"a": 1}))
    assert admin.facts(endpoints)["stream.storage"] == "memory"
    admin.delete(endpoints)
    admin.close()


def test_who_else_is_connected_is_told(theirs: Theirs) -> None:
    where = address(theirs.port, theirs.ca, monitor=theirs.monitor)
    admin = DRIVER.admin(where, SETTINGS)
    until(lambda: admin.busy() == "", "nobody else")
    other = Link(where, "somebody else")
    assert until(admin.busy, "the server counts it") == "1 connection of others"
    other.close()
    admin.close()


def refused(port: int, ca: Path, password: str = SECRET) -> str:
    with pytest.raises(BadTarget) as found:
        DRIVER.admin(address(port, ca, password), SETTINGS)
    text = str(found.value)
    assert "\n" not in text
    assert f"127.0.0.1:{port}" in text
    assert password not in text
    return text


def test_a_wrong_password(theirs: Theirs) -> None:
    assert "uthorization" in refused(theirs.port, theirs.ca, "wr0ng")


def test_a_wrong_authority(theirs: Theirs) -> None:
    assert "certificate verify failed" in refused(theirs.port, theirs.other_ca)


def test_a_wrong_host_name(theirs: Theirs) -> None:
    assert "is not valid for '127.0.0.1'" in refused(theirs.other_port, theirs.other_ca)


def test_nobody_there(theirs: Theirs) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    refused(port, theirs.ca)
