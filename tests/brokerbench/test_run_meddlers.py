"""Outsiders meddle with a trial in mid-load.

Messages are stolen from its queue: the ledger must name each one of them, and nothing else.
The thief is a consumer of its own that takes just so many: it stops being a consumer before it acknowledges, so the
broker gives it no more, and the trial's own consumer gets all the rest.

Or all its connections are cut, the server staying up: the trial goes on with new ones, and still accounts for each
message.
"""

import base64
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

import brokerbench_drivers
from brokerbench import stamp
from brokerbench.engine import trial
from brokerbench.model import Broker, Guarantee
from brokerbench.servers import Guardian
from tests.support.absent import recipe_of
from tests.support.run_folder import check_run
from tests.support.running import read, run, scenario, trials_of

pytestmark = pytest.mark.usefixtures("undisturbed")

STOLEN = 37


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A RabbitMQ that the run knows by its url only."""
    recipe = recipe_of("rabbitmq")
    settings = brokerbench_drivers.load("rabbitmq").Settings()
    with Guardian() as guardian:
        host = guardian.host("rabbitmq", tmp_path_factory.mktemp("logs"), print)
        yield dict(recipe.start(host, settings).address)


def external(address: dict[str, Any]) -> Broker:
    """The server as a stranger names it."""
    where = f"{address['host']}:{address['port']}/?management_port={address['management_port']}"
    return Broker(driver="rabbitmq", url=f"amqp://guest:guest@{where}")


class Thief:
    """Waits for the load, takes STOLEN messages and remembers which."""

    def __init__(self, address: dict[str, Any]) -> None:
        self.address = address
        self.loot: list[list[int]] = []
        self.errors: list[BaseException] = []
        self.tag = 0
        self._children: list[Any] = []
        self._thread = threading.Thread(target=self._guarded)

    def observe(self, kind: str, about: dict[str, Any]) -> None:
        if kind == "trial":
            self.tag = about["trial"].tag
        if kind == "load":
            self._children = about["children"]
        if kind == "beat" and self._children and all(child.intervals for child in self._children):
            self._children = []
            self._thread.start()  # each child has told its first second: the load is on its way

    def join(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self.errors:
            raise self.errors[0]

    def _guarded(self) -> None:
        try:
            self._steal()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.errors.append(error)

    def _queue(self) -> str:
        """As a stranger finds it: by the management API."""
        from brokerbench_drivers.rabbitmq.management import Management

        listed: Any = Management(self.address)._get("/api/queues")
        [name] = [queue["name"] for queue in listed if queue["name"].startswith("bb.")]
        return str(name)

    def _steal(self) -> None:
        import pika

        parameters = pika.ConnectionParameters(self.address["host"], self.address["port"])
        with pika.BlockingConnection(parameters) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=STOLEN)
            taken = []
            for method, _, body in channel.consume(self._queue(), auto_ack=False, inactivity_timeout=20):
                assert method is not None, "nothing to steal"
                taken.append(method.delivery_tag)
                self.loot.append(self._read(body))
                if len(taken) == STOLEN:
                    break
            assert channel.cancel() == 0  # none that the client held beyond them went back
            for tag in taken:
                channel.basic_ack(tag)
            channel.close()

    def _read(self, body: bytes) -> list[int]:
        first, second = (np.frombuffer(body, "<u8", 2)[i : i + 1].copy() for i in (0, 1))
        assert stamp.valid(first, second)[0]
        assert stamp.tags_of(first)[0] == self.tag
        return [int(stamp.producers_of(first)[0]), int(stamp.sequences_of(first)[0])]


@pytest.fixture(scope="module")
def robbed(address: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Thief]:
    thief = Thief(address)
    asked = scenario(
        {"rabbit": external(address)},
        guarantee=Guarantee.AT_LEAST_ONCE,
        rate="400/s",
        steady="6s",
        drain="3s",
        producers=2,
    )
    with pytest.MonkeyPatch.context() as patch:
        # The broker's counters hold the thief's messages and can never agree with ours: no need to wait for it long.
        patch.setattr(trial, "_COUNTERS_S", 2.5)
        folder = run(asked, tmp_path_factory.mktemp("results"), observe=thief.observe)
    thief.join()
    return folder, thief


def test_each_stolen_message_is_named_as_lost(robbed):
    folder, thief = robbed
    ledger = read(trials_of(folder)["rabbit"] / "ledger.json")
    assert len(thief.loot) == STOLEN
    assert sorted(ledger["groups"]["all"]["ids"]["lost"]) == sorted(thief.loot)
    assert ledger["lost"] == ledger["groups"]["all"]["lost"] == STOLEN
    assert ledger["promised"] == ledger["confirmed"] == ledger["sent"] > 400
    assert ledger["unique"] == ledger["sent"] - STOLEN
    assert ledger["unknown"] == ledger["outstanding"] == 0
    assert ledger["closed"]  # every fate is known: these were lost


def test_the_rest_of_the_folder_agrees(robbed):
    folder, thief = robbed
    check_run(folder)
    trial_json = read(trials_of(folder)["rabbit"] / "trial.json")
    windows = {p["index"]: p["window"] for p in trial_json["producers"]}
    inside = sum(windows[p][0] <= s < windows[p][1] for p, s in thief.loot)
    assert read(trials_of(folder)["rabbit"] / "ledger.json")["lost_in_window"] == {"all": inside}
    assert not trial_json["phases"]["drain_closed"]


def test_a_loss_is_a_fact_and_no_reason_against_the_trial(robbed):
    folder, _ = robbed
    [record] = read(folder / "summary.json")["candidates"]["rabbit"]["trials"]
    assert record["ledger"]["lost"] == STOLEN
    for code in ("integrity", "ledger-open", "counters-differ", "corrupt", "foreign", "failed"):
        assert code not in record["validity"]["codes"], record["validity"]["reasons"]
    assert record["end_to_end_ms"]["at_least"] is True  # an undelivered message counts: it took at least that long


def test_nothing_of_the_run_is_left_on_a_server_that_is_not_ours(robbed, address):
    from brokerbench_drivers.rabbitmq.management import Management

    api = Management(address)
    for kind in ("queues", "exchanges"):
        assert [found for found in api._get(f"/api/{kind}") if found["name"].startswith("bb.")] == []


def manage(address: dict[str, Any], method: str, path: str) -> Any:
    request = urllib.request.Request(f"http://{address['host']}:{address['management_port']}{path}", method=method)
    login = base64.b64encode(f"{address['user']}:{address['password']}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or "null")


def test_all_connections_cut_in_mid_load(address, tmp_path):
    cut: list[str] = []
    children: list[Any] = []

    def observe(kind: str, about: dict[str, Any]) -> None:
        if kind == "load":
            children.extend(about["children"])
        # The list of connections lags behind by its statistics interval: cut when all three are in it.
        if kind == "beat" and children and not cut and all(child.intervals for child in children):
            names = [c["name"] for c in manage(address, "GET", "/api/connections") if c.get("channels")]
            if len(names) >= 3:
                cut.extend(names)
                for name in names:
                    manage(address, "DELETE", f"/api/connections/{quote(name, safe='')}")

    asked = scenario(
        {"rabbit": external(address)},
        guarantee=Guarantee.AT_LEAST_ONCE,
        rate="400/s",
        steady="5s",
        drain="5s",
        producers=2,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "_COUNTERS_S", 2.5)  # unknown fates: the broker's counters need not agree with ours
        folder = run(asked, tmp_path, observe=observe)
    check_run(folder)
    home = trials_of(folder)["rabbit"]
    assert read(home / "trial.json")["state"] == "finished", read(home / "trial.json")["reason"]
    events = [json.loads(line) for line in (home / "events.jsonl").read_text().splitlines()]
    for kind in ("connection-lost", "reopened"):
        assert {e["child"] for e in events if e["kind"] == kind} >= {"producer-0", "producer-1", "all-0"}
    ledger = read(home / "ledger.json")
    assert ledger["lost"] == ledger["groups"]["all"]["refused_delivered"] == 0
    assert ledger["sent"] == ledger["confirmed"] + ledger["unknown"] > 1000
    assert ledger["unknown"] == ledger["recovered"] + ledger["outstanding"]
    assert ledger["unique"] == ledger["confirmed"] + ledger["recovered"]
    assert ledger["duplicates"] <= ledger["redelivered"]  # a duplicate is one that the broker flagged
