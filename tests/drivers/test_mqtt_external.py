"""A Mosquitto of somebody else's: users, TLS, and what goes wrong with them in one clear line."""

import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import BadTarget, Destination
from brokerbench.servers import Certificates, Guardian
from brokerbench_drivers.mqtt import DRIVER
from brokerbench_drivers.mqtt.link import Link
from tests.support.absent import recipe_of
from tests.support.running import until

pytestmark = pytest.mark.broker("mqtt")
SECRET = "pa55/wörd"
SETTINGS = DRIVER.Settings(qos=1)


@dataclass(frozen=True)
class Theirs:
    port: int
    ca: Path
    other_ca: Path
    other_port: int  # its certificate is for another name


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theirs]:
    recipe_of("mqtt")
    home = tmp_path_factory.mktemp("mosquitto")
    right, wrong = Certificates.make(home), Certificates.make(home / "other", ("broker.invalid",))
    users = home / "users"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(users), "user", SECRET], check=True, timeout=20)
    with Guardian() as guardian:
        host = guardian.host("mosquitto", home / "logs")
        ports = host.free_port(), host.free_port()
        lines = ["allow_anonymous false", f"password_file {users}", "user root", "sys_interval 1"]
        for port, made in zip(ports, (right, wrong), strict=True):
            lines += [f"listener {port} 127.0.0.1", f"cafile {made.ca}", f"certfile {made.cert}", f"keyfile {made.key}"]
        config = home / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        process = host.spawn(["/usr/sbin/mosquitto", "-c", str(config)])
        host.wait_until(lambda: _listens(ports[0]), process, 20, "mosquitto")
        yield Theirs(ports[0], right.ca, wrong.ca, ports[1])
        host.close()


def _listens(port: int) -> bool:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
    return True


def admin(port: int, ca: Path, password: str = SECRET) -> Any:
    quoted = password.replace("/", "%2F").replace("ö", "%C3%B6")
    return DRIVER.admin(DRIVER.address(f"mqtts://user:{quoted}@127.0.0.1:{port}?ca={ca}"), SETTINGS)


def test_the_right_one_is_used(theirs: Theirs) -> None:
    made = admin(theirs.port, theirs.ca)
    endpoints = made.declare(Destination("bb.r.t", 1, 1, {"a": 1}))
    assert made.facts(endpoints)["version"][0].isdigit()
    assert made.busy() == ""
    made.delete(endpoints)
    made.close()


def refused(port: int, ca: Path, password: str = SECRET) -> str:
    with pytest.raises(BadTarget) as found:
        admin(port, ca, password)
    text = str(found.value)
    assert "\n" not in text
    assert f"127.0.0.1:{port}" in text
    assert password not in text
    return text


def test_a_wrong_password(theirs: Theirs) -> None:
    assert re.search("[Nn]ot authori[sz]ed|Bad user name or password", refused(theirs.port, theirs.ca, "wr0ng"))


def test_a_wrong_authority(theirs: Theirs) -> None:
    assert "certificate verify failed" in refused(theirs.port, theirs.other_ca)


def test_a_wrong_host_name(theirs: Theirs) -> None:
    assert "is not valid for '127.0.0.1'" in refused(theirs.other_port, theirs.other_ca)


def test_nobody_there(theirs: Theirs) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert "refused" in refused(port, theirs.ca)


def test_who_else_is_connected_is_told(theirs: Theirs) -> None:
    made = admin(theirs.port, theirs.ca)
    address = DRIVER.address(f"mqtts://user:pa55%2Fw%C3%B6rd@127.0.0.1:{theirs.port}?ca={theirs.ca}")
    other = Link(address, SETTINGS, "somebody-else")
    assert until(made.busy, "the broker counts it") == "1 connection of others"
    other.close()
    made.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "mqtt://", "mqtts://127.0.0.1?ca=/no/such/file"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"mqtt|is not a file"):
        DRIVER.address(url)
