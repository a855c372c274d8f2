"""Requests and replies through real servers: both ways are accounted for, also where who answers is cut off."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import brokerbench_drivers
from brokerbench.engine import trial
from brokerbench.model import Broker, Delivery, Group, Guarantee, Load, Message, Pattern, Repeats, Scenario, Topology
from brokerbench.servers import Guardian
from tests.support.absent import recipe_of
from tests.support.run_folder import check_run
from tests.support.running import read, run, trials_of

pytestmark = pytest.mark.usefixtures("undisturbed")

AT_MOST, AT_LEAST = Guarantee.AT_MOST_ONCE, Guarantee.AT_LEAST_ONCE
OPEN = {"model": "open", "stages": [{"steady": "1s", "rate": "400/s"}]}
BROKERS = {
    "nats-core": (Broker(driver="nats", settings={"mode": "core"}), AT_MOST),
    "jetstream": (Broker(driver="nats", settings={"mode": "jetstream"}), AT_LEAST),
    "valkey": (Broker(driver="redis", settings={"product": "valkey"}), AT_LEAST),
}


def asked(
    broker: Broker,
    guarantee: Guarantee,
    load: dict[str, Any],
    *,
    producers: int = 2,
    repliers: int = 2,
    in_flight: int = 1000,
    sizes: Any = "256B",
    work: dict[str, Any] | None = None,
) -> Scenario:
    return Scenario(
        scenario="calls",
        brokers={"it": broker},
        topology=Topology(
            pattern=Pattern.REQUEST_REPLY,
            producers=producers,
            groups={"service": Group.model_validate({"consumers": repliers, **(work or {})})},
        ),
        message=Message(size=sizes),
        delivery=Delivery(guarantee=guarantee, in_flight=in_flight),
        load=Load.model_validate({"warmup": "300ms", "drain": "20s", **load}),
        repeats=Repeats(blocks=1),
        primary="response.p99",
    )


def record_of(folder: Path) -> dict[str, Any]:
    check_run(folder)
    record: dict[str, Any] = read(folder / "summary.json")["candidates"]["it"]["trials"][0]
    assert record["state"] == "finished", record["validity"]["reasons"]
    return record


def failed(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [check for check in record["checks"] if check["holds"] is False]


def assert_both_ways(folder: Path) -> dict[str, Any]:
    """Each request reached who answers and each reply who asked, once; the broker counts the same."""
    record = record_of(folder)
    ledger, consumers = record["ledger"], read(trials_of(folder)["it"] / "trial.json")["consumers"]
    assert list(ledger["groups"]) == ["service", "replies"]
    for group in ledger["groups"].values():
        assert (group["expected"], group["unique"], group["delivered"]) == (ledger["sent"],) * 3
    assert ledger["lost"] == ledger["outstanding"] == ledger["foreign"] == ledger["corrupt"] == 0
    answered = [each for each in consumers if each["group"] == "service"]
    canaries = sum(each["canaries"] for each in answered)
    assert sum(each["replies_sent"] for each in answered) == ledger["sent"] + canaries
    assert failed(record) == []
    assert record["response_ms"]["count"] == record["end_to_end_ms"]["count"] > 0
    assert record["response_ms"]["p50"] > record["end_to_end_ms"]["p50"]
    return record


@pytest.mark.parametrize("name", BROKERS)
def test_an_open_load(tmp_path: Path, name: str) -> None:
    broker, guarantee = BROKERS[name]
    assert_both_ways(run(asked(broker, guarantee, OPEN), tmp_path, smoke=True))


def test_users_of_a_broker_that_confirms_nothing_wait_for_their_replies(tmp_path: Path) -> None:
    """X (R + Z) = N of the replies; of confirms there are none."""
    load = {"model": "closed", "users": 40, "think": "50ms", "stages": [{"steady": "2s"}]}
    record = assert_both_ways(run(asked(*BROKERS["nats-core"], load), tmp_path, smoke=True))
    [law] = [check for check in record["checks"] if check["name"] == "users"]
    assert (law["expected"], law["holds"]) == (40, True)
    assert record["confirm_ms"] is None
    assert record["service_ms"]["count"] == record["response_ms"]["count"]


def test_a_window_of_requests_that_wait_for_their_replies(tmp_path: Path) -> None:
    """Saturated: never more under way than the window, whatever is confirmed."""
    load = {"model": "saturate", "stages": [{"steady": "1s"}]}
    record = assert_both_ways(
        run(asked(*BROKERS["jetstream"], load, in_flight=20, producers=1, repliers=1), tmp_path, smoke=True)
    )
    laws = [check for check in record["checks"] if check["name"] == "closed-loop"]
    assert laws[0]["holds"]
    assert 0 < laws[0]["expected"] <= 20 * 1.02


def test_sizes_that_differ_come_back_as_they_went(tmp_path: Path) -> None:
    sizes = {"uniform": {"from": "64B", "to": "4KiB"}}
    assert_both_ways(run(asked(*BROKERS["valkey"], OPEN, sizes=sizes), tmp_path, smoke=True))


def test_a_service_works_before_it_answers(tmp_path: Path) -> None:
    work = {"processing": "2ms"}
    record = assert_both_ways(run(asked(*BROKERS["jetstream"], OPEN, work=work), tmp_path, smoke=True))
    assert record["response_ms"]["mean"] > record["end_to_end_ms"]["mean"] + 2.0


# -- who answers is cut off ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    recipe = recipe_of("rabbitmq")
    with Guardian() as guardian:
        host = guardian.host("rabbitmq", tmp_path_factory.mktemp("logs"), print)
        yield dict(recipe.start(host, brokerbench_drivers.load("rabbitmq").Settings()).address)


class Cutter:
    """Cuts the connections by which requests are consumed, once, when the load is on its way."""

    def __init__(self, address: dict[str, Any]) -> None:
        self._address = address
        self._children: list[Any] = []
        self.cut = 0

    def observe(self, kind: str, about: dict[str, Any]) -> None:
        if kind == "load":
            self._children = about["children"]
        if kind == "beat" and self._children and not self.cut and all(c.intervals for c in self._children):
            listed = self._manage("GET", "/api/consumers")
            names = [
                consumer["channel_details"]["connection_name"]
                for consumer in listed
                if consumer["queue"]["name"].endswith(".service") and consumer["channel_details"]
            ]
            if len(names) < 2:  # the broker lists them late: both are cut off at once, or none yet
                return
            for name in names:
                self._manage("DELETE", f"/api/connections/{quote(name, safe='')}")
                self.cut += 1

    def _manage(self, method: str, path: str) -> Any:
        where = f"http://{self._address['host']}:{self._address['management_port']}{path}"
        login = base64.b64encode(f"{self._address['user']}:{self._address['password']}".encode()).decode()
        request = urllib.request.Request(where, method=method, headers={"Authorization": f"Basic {login}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")


@pytest.mark.parametrize("guarantee", [AT_MOST, AT_LEAST])
def test_who_answers_is_cut_off(
    rabbit: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guarantee: Guarantee
) -> None:
    """At most once: what was on its way to who answers is gone, and both groups say so. At least once: it comes again,
    is answered, and nothing is lost."""
    monkeypatch.setattr(trial, "_COUNTERS_S", 2.5)  # what was cut off need not be in the broker's counters
    url = f"amqp://guest:guest@{rabbit['host']}:{rabbit['port']}/?management_port={rabbit['management_port']}"
    cutter = Cutter(rabbit)
    # What is gone for good is waited for until the drain is over.
    drain = "2s" if guarantee is AT_MOST else "20s"
    load = {"model": "saturate", "stages": [{"steady": "4s"}], "drain": drain}
    work = {"processing": "1ms"}  # who works has requests in its hands at every moment: a cut takes some with it
    scenario = asked(Broker(driver="rabbitmq", url=url), guarantee, load, producers=1, in_flight=500, work=work)
    folder = run(scenario, tmp_path, observe=cutter.observe, smoke=True)
    record = record_of(folder)
    assert cutter.cut == 2
    events = read(trials_of(folder)["it"] / "events.jsonl")
    assert {e["child"] for e in events if e["kind"] == "reopened"} >= {"service-0", "service-1"}
    service, replies = record["ledger"]["groups"]["service"], record["ledger"]["groups"]["replies"]
    [requester] = read(trials_of(folder)["it"] / "trial.json")["producers"]
    if guarantee is AT_LEAST:
        assert service["lost"] == replies["lost"] == 0
        assert service["redelivered"] > 0
    else:
        assert replies["lost"] >= service["lost"] > 0
        assert requester["given_up"] > 0  # who waited for them went on without
    for group in (service, replies):
        assert group["expected"] == group["unique"] - group["recovered"] + group["lost"]
