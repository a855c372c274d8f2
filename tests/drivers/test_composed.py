"""A server by Compose: what we ask of an engine, and that nothing is left of it.

No machine of ours has an engine. Its place takes a program that knows the few commands we use, and starts a real
nats-server where a container would run one; what Compose itself reads in the files is asked in test_compose.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokerbench.cli._kept import Kept
from brokerbench.model import ServerKind, ServerSpec
from brokerbench.servers import NotAvailable, tailored
from brokerbench_drivers import load, names
from brokerbench_drivers._composed import Composed, ComposedByProduct, compose_folder
from brokerbench_drivers.nats.server import binary_of_wheel
from tests.conformance.lab import until
from tests.support.absent import require
from tests.support.live import command
from tests.support.running import read

ENGINE = """#!/bin/sh
echo "$@" >> {home}/asked
case "$*" in
  info|"compose version") exit 0 ;;
  *" up "*) test -f "$5" || exit 9
    exec {nats} -a 127.0.0.1 -p $BROKERBENCH_PORT_4222 -m $BROKERBENCH_PORT_8222 -js -sd {home}/store ;;
  *" down "*) echo down >> {home}/down ;;
  *) exit 8 ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    require("nats")
    for name, folder in (("XDG_STATE_HOME", "state"), ("TMPDIR", "data")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(ENGINE.format(home=tmp_path, nats=binary_of_wheel()[0]))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    yield tmp_path
    told("down")


def told(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*words), capture_output=True, text=True, check=False, timeout=120)


def test_up_uses_the_engine_and_down_removes_containers_and_data(engine: Path) -> None:
    done = told("up", "nats", "--kind", "compose")
    assert done.returncode == 0, done.stdout + done.stderr
    kept = Kept.read("nats")
    assert kept is not None
    assert kept.url in done.stdout
    asked = (engine / "asked").read_text().splitlines()
    [up] = [line for line in asked if " up " in line]
    assert up.startswith("compose --project-name brokerbench-")
    assert str(compose_folder() / "nats.yml") in up
    assert told("down", "nats").returncode == 0
    until((engine / "down").exists, "the containers are removed")
    assert "--volumes" in (engine / "asked").read_text().splitlines()[-1]


def test_a_scenario_runs_on_it(engine: Path) -> None:
    (engine / "it.yaml").write_text(
        "scenario: it\nbrokers: {it: {driver: nats, mode: jetstream, server: compose}}\nmessage: {size: 100B}\n"
        "repeats: {blocks: 1}\nload: {model: open, warmup: 100ms, stages: [{steady: 500ms, rate: 100/s}], drain: 5s}\n"
    )
    done = told("run", str(engine / "it.yaml"), "--results", str(engine / "results"))
    assert done.returncode in (0, 3), done.stdout + done.stderr  # 3: so short a load proves little
    assert "lost 0" in done.stdout
    assert (engine / "down").exists()
    [folder] = (engine / "results").glob("*/")
    *_, trial = read(folder / "summary.json")["candidates"]["it"]["trials"]  # those before it were disturbed
    assert trial["resources"]["broker_cpu_s_per_million"] is None, "a container's CPU is not below us"
    assert trial["resources"]["broker_rss_mib_max"] is None


COMPOSED = [name for name in names() if ServerKind.COMPOSE in load(name).servers]


def test_every_broker_has_one() -> None:
    assert set(COMPOSED) == set(names()) - {"null", "simulated", "zeromq"}


@pytest.mark.parametrize("name", COMPOSED)
def test_what_its_file_has_not_is_refused(name: str) -> None:
    driver = load(name)
    recipe = driver.servers[ServerKind.COMPOSE]
    assert isinstance(recipe, Composed | ComposedByProduct)
    for spec in (ServerSpec(nodes=3), ServerSpec(version="1")):
        with pytest.raises(NotAvailable, match="Compose has one node of one version"):
            tailored(recipe, driver.Settings(), spec)
    with pytest.raises(NotAvailable, match="tls: true is asked"):
        tailored(recipe, driver.Settings.model_validate({"tls": True}), ServerSpec())
