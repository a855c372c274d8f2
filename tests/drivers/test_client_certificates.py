"""Servers of others that ask for a client's certificate: the right one is let in, no other."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import BadTarget, Destination
from brokerbench.servers import Certificates, Guardian, Host
from brokerbench_drivers import load
from brokerbench_drivers._dialogue import listens
from brokerbench_drivers.mqtt.server import ELSEWHERE
from brokerbench_drivers.nats.server import binary_of_wheel
from tests.conformance.lab import within
from tests.support.absent import recipe_of

SOON_S = 60.0  # a hang's limit, not a measure
NATS = """\
host: 127.0.0.1
port: {port}
tls {{ cert_file: "{made.cert}", key_file: "{made.key}", ca_file: "{made.ca}", verify: true, timeout: 15 }}
jetstream {{ store_dir: "{home}/data" }}
"""
REDIS = """\
bind 127.0.0.1
port 0
tls-port {port}
tls-cert-file {made.cert}
tls-key-file {made.key}
tls-ca-cert-file {made.ca}
tls-auth-clients yes
save ""
"""
MOSQUITTO = """\
allow_anonymous true
user root
listener {port} 127.0.0.1
cafile {made.ca}
certfile {made.cert}
keyfile {made.key}
require_certificate true
"""
# driver: (its settings, how its url begins, the server's file, what starts it)
THEIRS: Mapping[str, tuple[dict[str, Any], str, str, Any]] = {
    "nats": ({"mode": "jetstream", "storage": "memory"}, "tls", NATS, lambda file: [binary_of_wheel()[0], "-c", file]),
    "redis": ({"product": "redis", "tls": True}, "rediss", REDIS, lambda file: ["redis-server", file]),
    "mqtt": ({"qos": 1}, "mqtts", MOSQUITTO, lambda file: [ELSEWHERE, "-c", file]),
}


@pytest.fixture(scope="module", params=list(THEIRS))
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def host(driver: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with Guardian() as guardian:
        yield guardian.host(driver, tmp_path_factory.mktemp("logs"))


@pytest.fixture(scope="module")
def port(driver: str, made: Certificates, host: Host, tmp_path_factory: pytest.TempPathFactory) -> int:
    settings, _, config, argv = THEIRS[driver]
    recipe_of(driver, settings=load(driver).Settings.model_validate(settings))
    home, port = tmp_path_factory.mktemp(driver), host.free_port()
    file = home / "server.conf"
    file.write_text(config.format(port=port, made=made, home=home))
    process = host.spawn([str(word) for word in argv(file)])
    host.wait_until(lambda: listens(port), process, 20, driver)
    return port


@pytest.fixture(scope="module")
def made(driver: str, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


def _admin(driver: str, port: int, made: Certificates, who: Certificates | None) -> Any:
    settings, scheme, _, _ = THEIRS[driver]
    its = f"&cert={who.client_cert}&key={who.client_key}" if who else ""
    found = load(driver)
    return found.admin(
        found.address(f"{scheme}://127.0.0.1:{port}?ca={made.ca}{its}"), found.Settings.model_validate(settings)
    )


def test_the_right_one_is_let_in(driver: str, port: int, made: Certificates) -> None:
    admin = _admin(driver, port, made, made)
    endpoints = admin.declare(Destination("bb.certificate.t1", 1, 1, {"a": 1}))
    assert admin.facts(endpoints)["version"][0].isdigit()
    admin.delete(endpoints)
    admin.close()


@pytest.mark.parametrize("whose", ["none", "a stranger's"])
def test_another_is_refused_in_one_line(driver: str, port: int, made: Certificates, whose: str, tmp_path: Path) -> None:
    who = Certificates.make(tmp_path) if whose != "none" else None
    with pytest.raises(BadTarget) as refused:
        within(SOON_S, lambda: _admin(driver, port, made, who), "what cannot work")
    said = str(refused.value)
    assert "\n" not in said
    assert f"{port}" in said
