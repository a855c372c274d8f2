"""What can go wrong with a server: one clear line, the right exit status, a whole folder, nothing left behind."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.absent import require
from tests.support.live import command, live_run
from tests.support.run_folder import check_run
from tests.support.running import read

pytestmark = pytest.mark.timeout(300)
LOAD = """
message: {size: 256B}
delivery: {guarantee: at-least-once, survives: nothing, in_flight: 100}
load: {model: open, warmup: 300ms, stages: [{steady: %s, rate: 1k/s}], drain: 2s}
repeats: {blocks: 1}
"""


def scenario(broker: str, steady: str = "1s") -> str:
    return f"scenario: failing\nbrokers:\n  it: {{{broker}}}\n{LOAD % steady}"


def told(home: Path, broker: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    (home / "it.yaml").write_text(scenario(broker))
    return subprocess.run(
        command("run", "it.yaml", "--results", "results"),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **(env or {})},
    )


def why(home: Path) -> str:
    """The reason of the one trial that failed, from a folder that is whole."""
    [folder] = (home / "results").glob("*/")
    check_run(folder)
    [entry] = read(folder / "run.json")["trials"]
    assert entry["state"] == "failed"
    return str(entry["reason"])


def nobody() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    "broker",
    [
        'driver: rabbitmq, url: "amqp://guest:pa55word@127.0.0.1:{port}/?management_port={port}"',
        'driver: kafka, client: confluent, url: "kafka://127.0.0.1:{port}"',
        'driver: kafka, client: kafka-python, url: "kafka://127.0.0.1:{port}"',
        'driver: nats, url: "nats://user:pa55word@127.0.0.1:{port}"',
        'driver: redis, url: "redis://user:pa55word@127.0.0.1:{port}"',
        'driver: mqtt, url: "mqtt://user:pa55word@127.0.0.1:{port}"',
        'driver: activemq, url: "stomp://user:pa55word@127.0.0.1:{port}?jolokia=http://127.0.0.1:{port}/jolokia"',
    ],
    ids=lambda broker: broker.split(",")[0].removeprefix("driver: ") + ("-python" if "kafka-python" in broker else ""),
)
def test_a_broker_that_is_not_there(tmp_path: Path, broker: str) -> None:
    port = nobody()
    done = told(tmp_path, broker.replace("{port}", str(port)))
    assert done.returncode == 1, done.stdout + done.stderr
    reason = why(tmp_path)
    assert f"127.0.0.1:{port}" in reason
    assert reason in done.stdout.replace("\n", " ") + done.stdout
    assert "pa55word" not in done.stdout + done.stderr + reason
    assert "Traceback" not in done.stdout + done.stderr


def test_somebody_else_answers_at_the_port(tmp_path: Path) -> None:
    """A web server where a broker should be, as one finds it on a taken port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = told(tmp_path, f'driver: nats, url: "nats://127.0.0.1:{port}"')
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in why(tmp_path)


def test_jars_are_missing_and_there_is_no_network(tmp_path: Path) -> None:
    require("kafka")
    (tmp_path / "jars").mkdir()
    offline = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), f"http://127.0.0.1:{nobody()}")
    alone = {"M2_REPO": str(tmp_path / "jars"), "NO_PROXY": "", "no_proxy": ""}
    done = told(tmp_path, "driver: kafka, server: embedded", offline | alone)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "could not be fetched" in why(tmp_path)
    assert "check the network" in why(tmp_path)
    assert not [path for path in (tmp_path / "jars").rglob("*") if path.is_file()]  # whole and checked, or not at all


def test_a_server_that_dies_while_it_starts(tmp_path: Path) -> None:
    """A Kafka whose main class is not in its jars."""
    require("kafka")
    libs = tmp_path / "home" / "libs"
    libs.mkdir(parents=True)
    (libs / "kafka_2.13-4.0.0.jar").write_bytes(b"")
    done = told(tmp_path, "driver: kafka, server: native", {"KAFKA_HOME": str(tmp_path / "home")})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the process ended with status" in why(tmp_path)
    assert "its log says why" in why(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text(scenario("driver: nats"))
    where = "/proc/self/results"  # closed to root too
    done = subprocess.run(
        command("run", "it.yaml", "--results", where),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert where in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("broker", "process"),
    [
        ("driver: rabbitmq, queue_type: classic", "beam.smp"),
        ("driver: kafka, client: confluent", "java"),
        ("driver: redis, product: valkey", "valkey-server"),
        ("driver: mqtt", "mosquitto"),
        ("driver: activemq, product: artemis", "java"),
    ],
    ids=["rabbitmq", "kafka", "valkey", "mosquitto", "artemis"],
)
def test_a_server_dies_at_a_random_moment_of_a_trial(tmp_path: Path, broker: str, process: str) -> None:
    require(broker.split(",", maxsplit=1)[0].removeprefix("driver: "))
    with live_run(scenario(broker, "20s"), tmp_path) as live:
        struck = live.in_load()
        live.note()
        [victim] = [pid for pid, line in live.names.items() if line.startswith(process)]
        time.sleep(random.uniform(0, 2))  # the moment itself is what is random
        os.kill(victim, signal.SIGKILL)
        assert live.ends() == 1
        live.all_gone()
        check_run(live.folder)
        [entry] = read(live.folder / "run.json")["trials"]
        assert entry["reason"].startswith("its server ended by itself (process ")
        ledger = read(live.folder / "trials" / struck / "ledger.json")
        assert 0 < ledger["sent"] < 20_300
        assert ledger["sent"] == ledger["confirmed"] + ledger["refused"] + ledger["unknown"]
        assert ledger["unique"] <= ledger["sent"]
