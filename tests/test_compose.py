"""Compose files are read, not run: ports on loopback, pinned images, health checks, and urls that our drivers take."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import brokerbench_drivers
from brokerbench.model import ServerKind, ServerSpec
from brokerbench.servers import tailored
from brokerbench_drivers._composed import PORT, Composed, ComposedByProduct
from brokerbench_drivers.kafka.node import Node, Shape
from brokerbench_drivers.mqtt.server import LIMITS
from tests.support.absent import absent

FOLDER = Path(__file__).parent.parent / "compose"
FILES = sorted(FOLDER.glob("*.yml"))
URLS = {
    name: (driver, url)
    for name, driver, url in re.findall(
        r"^\| `(\w+)\.yml` \| `(\w+)` \| `([^`]+)` \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
}


def test_every_file_has_its_url() -> None:
    assert FILES
    assert sorted(URLS) == [path.stem for path in FILES]
    brokers = set(brokerbench_drivers.names()) - {"null", "simulated", "zeromq"}
    assert {driver for driver, _ in URLS.values()} == brokers


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_services_are_pinned_local_and_checked(path: Path) -> None:
    content = YAML(typ="safe").load(path)
    driver, url = URLS[path.stem]
    address = brokerbench_drivers.load(driver).address(url)
    ports = []
    for service in content["services"].values():
        image, _, tag = service["image"].partition(":")
        assert image
        assert re.match(r"\d+\.\d+", tag), f"{service['image']} is not pinned to a version"
        assert service["healthcheck"]["test"][0] == "CMD"
        for mapping in service["ports"]:
            host, rest = mapping.split(":", 1)
            assert host == "127.0.0.1"
            found = PORT.match(rest)
            assert found is not None, f"{mapping}: its port cannot be set"
            ports.append(int(found[1]))
        for volume in service["volumes"]:
            assert volume.split(":")[0] in content["volumes"]
    where = str(address)
    assert all(str(port) in where for port in ports), f"{where} does not name all of {ports}"


def recipes() -> Iterator[tuple[str, Composed]]:
    for name in brokerbench_drivers.names():
        found = brokerbench_drivers.load(name).servers.get(ServerKind.COMPOSE)
        if isinstance(found, Composed):
            yield name, found
        elif isinstance(found, ComposedByProduct):
            yield from ((name, each) for each in found.recipes.values())


def test_each_file_is_the_recipe_of_a_driver() -> None:
    assert {recipe.file: (name, recipe.url) for name, recipe in recipes()} == {
        f"{stem}.yml": about for stem, about in URLS.items()
    }


@pytest.mark.parametrize(
    ("name", "recipe"), list(recipes()), ids=lambda it: it.file if isinstance(it, Composed) else it
)
def test_what_a_promise_sets_the_file_takes(name: str, recipe: Composed) -> None:
    """Each variable stands in it, with the value that the driver's own settings mean as its default."""
    text = (FOLDER / recipe.file).read_text()
    for variable, value in recipe.env(brokerbench_drivers.load(name).Settings()).items():
        assert f"${{{variable}:-{value}}}" in text


def test_mosquitto_has_the_limits_of_the_native_recipe() -> None:
    text = (FOLDER / "mosquitto.yml").read_text()
    for limit, value in LIMITS.items():
        assert f"'{limit} {value}'" in text


def test_kafka_has_the_properties_of_the_native_recipe() -> None:
    environment = YAML(typ="safe").load(FOLDER / "kafka.yml")["services"]["kafka"]["environment"]
    one = Node(1, 9092, 9094, 9093, Path("/var/lib/kafka"))
    ours = Shape([one], "it", None).properties(one)
    places = {"listeners", "advertised.listeners", "inter.broker.listener.name", "listener.security.protocol.map"}
    defaults = {"default.replication.factor", "min.insync.replicas"}  # 1 each, as Kafka ships
    for key in ours.keys() - places - defaults - {"log.dirs"}:
        assert environment["KAFKA_" + key.upper().replace(".", "_")] == str(ours[key]), key


@pytest.mark.parametrize(
    ("file", "version"), [("artemis", "2.44.0"), ("activemq", "6.3.1"), ("kafka", "4.3.1"), ("nats", "2.15.1")]
)
def test_what_comes_with_pip_is_the_same_version(file: str, version: str) -> None:
    driver, _ = URLS[file]
    embedded = brokerbench_drivers.load(driver).servers[ServerKind.EMBEDDED]
    settings = {"product": "classic" if file == "activemq" else "artemis"} if driver == "activemq" else {}
    found = tailored(embedded, brokerbench_drivers.load(driver).Settings.model_validate(settings), ServerSpec())
    assert version in found.available().what
    [service] = YAML(typ="safe").load(FOLDER / f"{file}.yml")["services"].values()
    assert service["image"].partition(":")[2].startswith(version)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_compose_itself_reads_it(path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        absent("docker-compose: apt-get install docker-compose")
    told = subprocess.run([program, "-f", str(path), "config"], capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stderr
    [service] = YAML(typ="safe").load(told.stdout)["services"].values()
    assert service["healthcheck"]["retries"] == 20
    assert service["ports"]
    assert service["volumes"]
