"""The registry: drivers by name, found without importing them."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

import brokerbench_drivers
from brokerbench.contract import Driver, install_line
from brokerbench_drivers import UnknownDriver, load, names, reference
from brokerbench_scenarios.shape import BROKER_KEYS, table_shape

ROOT = Path(__file__).parents[2]


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two distributions that bring drivers: one of a new name, one that is called like ours."""
    points = [EntryPoint(name, f"their_{name}.driver:ONE", "brokerbench.drivers") for name in ("foobar", "nats")]
    points.append(EntryPoint("plain", "their_plain", "brokerbench.drivers"))
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: EntryPoints(points).select(group=group))


def test_the_built_in_ones() -> None:
    assert names() == (
        "activemq",
        "kafka",
        "mqtt",
        "nats",
        "null",
        "rabbitmq",
        "redis",
        "simulated",
        "zeromq",
    )


@pytest.mark.parametrize("name", names())
def test_each_is_a_driver_called_as_its_module(name: str) -> None:
    driver = load(name)
    assert isinstance(driver, Driver)
    assert driver.name == name
    assert reference(name) == f"brokerbench_drivers.{name}:DRIVER"


@pytest.mark.parametrize("name", names())
def test_its_settings_do_not_shadow_the_keys_that_all_brokers_have(name: str) -> None:
    assert set(table_shape(load(name).Settings).keys).isdisjoint(BROKER_KEYS)


def test_entry_points_add_to_them_and_replace_none(others: None) -> None:
    assert {"foobar", "plain"} <= set(names())
    assert reference("foobar") == "their_foobar.driver:ONE"
    assert reference("plain") == "their_plain:DRIVER"
    assert reference("nats") == "brokerbench_drivers.nats:DRIVER"


def test_an_unknown_one_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownDriver, match=r"no driver is called 'rabitmq'; did you mean 'rabbitmq'\?"):
        load("rabitmq")


@pytest.mark.parametrize(
    ("name", "client"), [(name, client) for name in names() if load(name).extra for client in load(name).clients]
)
def test_each_client_is_brought_by_an_extra_that_there_is(name: str, client: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    line = install_line(load(name), client)
    found = re.search(r"pip install 'brokerbench\[(\w+)\]'$", line)
    assert found is not None
    assert found[1] in extras


def test_the_client_that_has_to_be_built_says_with_what() -> None:
    assert install_line(load("activemq"), "proton").startswith("apt-get install gcc ")


def test_listing_imports_no_driver_and_no_client() -> None:
    code = "import sys, brokerbench_drivers as d; d.names(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "brokerbench_drivers" in loaded
    for name in names():
        assert f"brokerbench_drivers.{name}" not in loaded
    assert set(loaded).isdisjoint({"pydantic", "numpy", "zmq", "nats", "pika", "kafka", "confluent_kafka"})


def test_loading_all_imports_no_client() -> None:
    code = "import sys, brokerbench_drivers as d; [d.load(n) for n in d.names()]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    clients = {module for name in names() for module in load(name).clients.values()} - {"numpy"}
    assert set(done.stdout.split()).isdisjoint(clients)
    assert brokerbench_drivers.names() == names()


@pytest.mark.parametrize("name", ["kafka", "nats", "rabbitmq", "zeromq"])
def test_a_stand_in_loads_no_client(name: str) -> None:
    """It shares the machine with the clients whose ceiling it is there to find."""
    code = f"import sys, brokerbench_drivers.{name}.stand_in; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    clients = {module.partition(".")[0] for module in load(name).clients.values()}
    assert set(done.stdout.split()).isdisjoint(clients)
