"""Bare `brokerbench`: it answers from files alone, also where nothing is installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import brokerbench_drivers
from brokerbench.cli import bare
from brokerbench.servers.java import find_java
from brokerbench_drivers import load

CATALOG = json.loads((Path(brokerbench_drivers.__file__).parent / "catalog.json").read_text())["drivers"]
HEAVY = ["click", "numpy", "pydantic", "rich", "ruamel", "brokerbench.contract", "brokerbench.model", "psutil"]

# Prints what was imported at the end; ends with 99 at the first process or socket.
WATCHED = """
import os, sys
def hook(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system")):
        os.write(2, event.encode())
        os._exit(99)
sys.addaudithook(hook)
from brokerbench.cli import main
try:
    main([])
finally:
    sys.stderr.write(" ".join(sys.modules))
"""


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without clients, programs, Java and jars."""
    own = bare.find_spec
    monkeypatch.setattr(bare, "find_spec", lambda name: own(name) if name.startswith("brokerbench") else None)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("JAVA_HOME", "KAFKA_HOME", "M2_REPO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.exists", lambda _: False)


def with_clients(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    before = bare.find_spec
    spec = before("brokerbench")
    monkeypatch.setattr(bare, "find_spec", lambda name: spec if name in modules else before(name))


def row(name: str) -> bare.Row:
    return next(row for row in bare.rows() if row.name == name)


def test_it_imports_nothing_slow_and_runs_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    imported = set(done.stderr.split())
    clients = [client["module"] for entry in CATALOG for client in entry["clients"]]
    drivers = [f"brokerbench_drivers.{name}" for name in brokerbench_drivers.names()]
    assert imported.isdisjoint([*HEAVY, *clients, *drivers])
    assert "brokerbench.cli.bare" in imported
    assert "Next:" in done.stdout


def test_on_an_empty_machine_it_says_what_to_install(nothing: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert bare.show() == 0
    told = capsys.readouterr().out
    for entry in CATALOG:
        assert f"pip install 'brokerbench[{entry['extra']}]'" in told
    assert "pip install 'brokerbench[all]'" in told
    assert "brokerbench demo" not in told
    assert all(not row.ready for row in bare.rows())


def test_what_can_be_fetched_is_said_with_its_size(
    nothing: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_clients(monkeypatch, "confluent_kafka", "jgo")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (tmp_path / "release").write_text('JAVA_VERSION="17.0.15"\n')
    assert row("kafka").fetch_mb == 45
    bare.show()
    told = capsys.readouterr().out
    assert "fetch 45 MB" in told
    assert "(fetches 45 MB first)" in told


def test_only_the_missing_jars_are_counted(nothing: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_clients(monkeypatch, "confluent_kafka", "jgo")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (tmp_path / "release").write_text('JAVA_VERSION="21"\n')
    monkeypatch.setenv("M2_REPO", str(tmp_path / "cache"))
    manifest = Path(brokerbench_drivers.__file__).parent / "kafka" / "jars.sha256"
    jars = [line.split()[1] for line in manifest.read_text().splitlines() if line and not line.startswith("#")]
    for jar in jars[1:]:
        path = tmp_path / "cache" / jar
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert row("kafka").fetch_mb == pytest.approx(45 / len(jars))
    (tmp_path / "cache" / jars[0]).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "cache" / jars[0]).touch()
    assert row("kafka").ready


@pytest.mark.parametrize(
    ("version", "enough"), [("1.8.0_402", False), ("11.0.2", False), ("17", True), ("25.0.2", True)]
)
def test_a_java_must_be_new_enough(
    version: str, enough: bool, nothing: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_clients(monkeypatch, "confluent_kafka", "jgo")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (tmp_path / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    assert bool(row("kafka").fetch_mb) is enough


def test_a_client_without_its_server_is_told_how_to_get_one(nothing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with_clients(monkeypatch, "pika")
    assert row("rabbitmq") == bare.Row(
        "rabbitmq", "RabbitMQ", False, 0, "client pika, no server: apt-get install rabbitmq-server"
    )


def test_the_catalog_and_the_drivers_agree() -> None:
    listed = {entry["name"]: entry for entry in CATALOG}
    assert set(listed) == set(brokerbench_drivers.names()) - {"null", "simulated"}  # no brokers to choose from
    for name, entry in listed.items():
        driver = load(name)
        assert (entry["title"], entry["extra"]) == (driver.title, driver.extra)
        assert [client["module"] for client in entry["clients"]] == list(driver.clients.values())


def test_it_finds_what_the_recipes_find() -> None:
    assert bare._java() is (find_java() is not None)
    for found in bare.rows():
        states = [recipe.available() for recipe in load(found.name).servers.values()]
        clients = load(found.name).clients.values()
        if any(bare.find_spec(client) is not None for client in clients):
            assert found.ready is any(state.ready for state in states)
            assert bool(found.ready or found.fetch_mb) is any(state.ready or state.fetchable for state in states)
