"""Our drivers as Locust users: what Locust counted is what the ledger and the broker counted."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.servers import Guardian, Host, free_port
from brokerbench_drivers.rabbitmq import DRIVER
from tests.support.absent import recipe_of

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "locust" / "locustfile.py"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    recipe, settings = recipe_of("rabbitmq"), DRIVER.Settings()
    with Guardian() as guardian:
        host = Host(guardian, "rabbitmq", tmp_path_factory.mktemp("logs"), print)
        yield DRIVER.url(recipe.start(host, settings).address)
        host.close()


def locust(file: Path, home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "-u", "20", "-r", "20", "-t", "8s"]
    environment = {**os.environ, "LEDGER": str(home / "ledger.json")}
    return subprocess.run(
        [*command, *options], cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def requests_of(home: Path, name: str) -> dict[str, Any]:
    [found] = [entry for entry in json.loads((home / "stats.json").read_text()) if entry["name"] == name]
    assert found["method"] == "rabbitmq"
    return found


def test_the_run_time_does_not_count_what_came_before_it() -> None:
    code = (
        "import brokerbench.locust, gevent, locust, time; loop = gevent.get_hub().loop; before = loop.now()\n"
        "end = time.monotonic() + 0.3\n"
        "while time.monotonic() < end: pass\n"
        "stale = loop.now() - before\n"
        "locust.events.init.fire(environment=None, runner=None, web_ui=None)\n"
        "print(stale, loop.now() - before)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    stale, updated = map(float, told.split())
    assert stale == 0
    assert updated >= 0.29


@pytest.mark.broker("rabbitmq")
def test_the_example_runs_and_all_counts_agree(url: str, tmp_path: Path) -> None:
    done = locust(EXAMPLE, tmp_path, "--host", url, "--stop-timeout", "10", "--json-file", "stats")
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((tmp_path / "ledger.json").read_text()), done.stderr[-3000:]
    [ledger] = json.loads((tmp_path / "ledger.json").read_text())
    published, received = requests_of(tmp_path, "publish"), requests_of(tmp_path, "receive")
    sent, confirmed, unique = ledger["sent"], ledger["confirmed"], ledger["unique"]
    # Locust stops a user that waits, and may meet it at the beginning of its next task.
    assert published["num_requests"] == confirmed == sent - ledger["cut_off"] > 20
    assert received["num_requests"] == ledger["received"] > 0
    assert published["num_failures"] == received["num_failures"] == ledger["refused"] == 0
    assert ledger["unknown"] == ledger["cut_off"]
    assert confirmed <= unique <= sent
    assert ledger["broker"] == {"published": unique, "stored": 0}
    assert unique == ledger["received"] + ledger["drained"]
    assert (ledger["lost"], ledger["duplicates"], ledger["foreign"]) == (0, 0, 0)
    assert published["total_content_length"] == 512 * confirmed
    assert published["min_response_time"] % 1 > 0, "response times keep their fractions of a ms"


@pytest.mark.parametrize(
    ("driver", "client", "host", "why"),
    [
        ("kafka", "confluent", "kafka://127.0.0.1:1", "librdkafka waits in C"),
        ("nats", "nats-py", "nats://127.0.0.1:1", "asyncio loop"),
        ("rabbitmq", "pika", None, "needs the broker's url"),
        ("rabbitmq", "pika", "amqp://guest:guest@127.0.0.1:{port}/?management_port={port}", "127.0.0.1:{port}"),
        ("rabitmq", "pika", "amqp://127.0.0.1/", "did you mean 'rabbitmq'?"),
    ],
)
def test_what_cannot_be_is_said_and_ends_the_test(
    driver: str, client: str, host: str | None, why: str, tmp_path: Path
) -> None:
    port = str(free_port())
    text = EXAMPLE.read_text().replace('"rabbitmq"', f'"{driver}"').replace('"pika"', f'"{client}"')
    if driver != "rabbitmq":
        text = text.replace('{"queue_type": "classic"}', "{}")
    (tmp_path / "locustfile.py").write_text(text)
    where = ["--host", host.replace("{port}", port)] if host else []
    done = locust(tmp_path / "locustfile.py", tmp_path, *where)
    assert done.returncode == 2, done.stderr[-3000:]
    told = [line for line in done.stderr.splitlines() if "OrderUser" in line and why.replace("{port}", port) in line]
    assert told, done.stderr[-3000:]


def test_nothing_else_of_ours_imports_locust() -> None:
    program = (
        "import pkgutil, importlib, sys, brokerbench, brokerbench.cli as cli\n"
        "for each in pkgutil.iter_modules(cli.__path__): importlib.import_module(f'brokerbench.cli.{each.name}')\n"
        "print({'locust', 'gevent'} & sys.modules.keys())"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package, in a process that gevent has not patched."""
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    import brokerbench.locust

    return brokerbench.locust


class Anyone:
    """Whatever waits."""


def test_a_random_phase_spreads_the_users_and_forgives_no_debt(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr("brokerbench.locust.phase.time.perf_counter", lambda: now_s[0])
    wait_s, users = door.random_phase(10.0), [Anyone() for _ in range(200)]
    firsts = [wait_s(user) for user in users]
    quarters = np.histogram(firsts, bins=4, range=(0, 10))[0]
    assert quarters.sum() == 200
    assert quarters.min() > 20
    user, due_s = users[0], 100.0 + firsts[0]
    now_s[0] = due_s + 25.0  # a task that took two periods and a half
    assert [wait_s(user), wait_s(user)] == [0.0, 0.0]
    assert wait_s(user) == pytest.approx(5.0)
    with pytest.raises(ValueError, match="more than 0 s"):
        door.random_phase(0)


def test_the_ledger_tells_each_fate_from_the_others(door: Any) -> None:
    ledger = door.Ledger("orders", 77, confirming=True)
    sent = []
    for producer in (0, 1):
        for _ in range(3):
            payload = np.zeros(64, np.uint8)
            assert ledger.stamped(producer, payload, 5_000) == len(sent) % 3
            ledger.took(producer)
            sent.append(payload.tobytes())
    ledger.answered(0, 0, confirmed=True)
    ledger.answered(0, 1, confirmed=True)
    ledger.answered(0, 2, confirmed=False)
    assert ledger.arrived(sent[0]) == 5_000
    assert ledger.arrived(sent[0]) == 5_000
    assert ledger.arrived(sent[4], draining=True) == 5_000  # its confirm never came
    assert ledger.arrived(b"of somebody else, and long enough") is None
    assert ledger.arrived(b"short") is None
    assert ledger.lost is None
    ledger.closed = True
    told = ledger.as_json()
    expected = {"sent": 6, "confirmed": 2, "refused": 1, "unknown": 3, "unique": 2, "duplicates": 1, "foreign": 2}
    assert {name: told[name] for name in expected} == expected
    assert (told["received"], told["drained"], told["lost"]) == (2, 1, 1)
