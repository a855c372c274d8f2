"""The server over its socket: what it counts, what it writes down, and that it keeps to the model's times."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.contract import BadTarget, Batch, Destination, Session
from brokerbench.servers import Guardian, Server
from brokerbench_drivers.simulated import DRIVER
from brokerbench_drivers.simulated.admin import SimulatedAdmin
from brokerbench_drivers.simulated.settings import Settings
from tests.drivers.simulated_stamped import MS, canary, message
from tests.support.running import until

COUNT = 200


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def server(logs: Path) -> Iterator[Server]:
    [recipe] = DRIVER.servers.values()
    with Guardian() as guardian:
        host = guardian.host("simulated", logs)
        yield recipe.start(host, Settings())
        host.close()


class Load:
    """COUNT messages from one producer to each group, and what the broker says of them."""

    def __init__(self, server: Server, name: str, groups: tuple[str, ...] = ("g",), **settings: Any) -> None:
        self.settings = Settings.model_validate(settings)
        self.admin = SimulatedAdmin(server.address, self.settings)
        self.endpoints = self.admin.declare(Destination(name, 1, 1, dict.fromkeys(groups, 1)))
        self.connections = [DRIVER.connect(self.session(group)) for group in (None, *groups)]
        self.producer = self.connections[0].producer()
        self.consumers = [connection.consumer() for connection in self.connections[1:]]
        self.received = [0 for _ in groups]

    def session(self, group: str | None) -> Session:
        return Session(self.endpoints, "loopback", self.settings, 2 * COUNT, 500, 64, 0, group)

    def send(self, payloads: list[bytes]) -> None:
        offsets = np.arange(len(payloads) + 1, dtype=np.int64) * 64
        assert self.producer.send(Batch(memoryview(b"".join(payloads)), offsets, 64, len(payloads))) == len(payloads)

    def receive(self, *counts: int) -> None:
        def all_came() -> bool:
            for at, consumer in enumerate(self.consumers):
                self.received[at] += consumer.receive(0.01).count
            return self.received == list(counts)

        until(all_came, f"deliveries: {counts}")

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.admin.delete(self.endpoints)
        self.admin.close()


def test_it_counts_what_it_does(server: Server) -> None:
    fates = {"confirmed_but_lost": [5, 6], "refused": [7], "duplicated": ["every 50"], "foreign": [0]}
    load = Load(server, "bb.counts", ("g", "h"), fates=fates)
    load.send([canary(), *(message(n) for n in range(COUNT))])
    came = COUNT + 1 - 3 + 4 + 1
    load.receive(came, came)
    account = load.admin.account(load.endpoints)
    assert (account["published"], account["canaries"], account["refused"]) == (COUNT - 1, 1, 1)
    for group in ("g", "h"):
        found = account["groups"][group]
        assert (found["delivered"], found["lost"], found["duplicated"], found["foreign"]) == (COUNT + 1, 2, 4, 1)
    counters = load.admin.counters(load.endpoints)
    assert counters.published == COUNT
    assert counters.delivered == {"g": COUNT + 2, "h": COUNT + 2}
    assert counters.stored == 0
    load.close()


def test_no_message_leaves_before_its_time(server: Server, tmp_path: Path) -> None:
    """At 1 ms each the k-th of a block leaves no sooner than k ms after it came; how late, the server measures."""
    load = Load(server, "bb.times", service={"constant": "1ms"})
    load.send([message(n) for n in range(COUNT)])
    load.receive(COUNT)
    load.admin.save_account(load.endpoints, tmp_path / "it")
    account = json.loads((tmp_path / "it.json").read_text())
    times = np.load(tmp_path / "it.npz")
    came, due, left = (times[f"0.{name}"] for name in ("arrival_ns", "departure_ns.g", "left_ns.g"))
    assert (due - came).tolist() == [(n + 1) * MS for n in range(COUNT)]
    assert (left >= due).all()
    assert account["late_us"]["max"] == (left - due).max() / 1e3
    assert account["spin_s"] > 0
    facts = load.admin.facts(load.endpoints)
    assert facts["queue"].endswith("service constant 1 ms, 1 worker")
    assert facts["left late"].startswith("p50 ")
    load.close()


def test_an_account_that_is_asked_for_is_written_at_the_end(server: Server, logs: Path) -> None:
    load = Load(server, "bb.run.trial", save_account=True)
    load.send([message(n) for n in range(COUNT)])
    load.receive(COUNT)
    load.close()
    assert json.loads((logs / "bb.run.trial.json").read_text())["groups"]["g"]["delivered"] == COUNT
    assert len(np.load(logs / "bb.run.trial.npz")["0.sequence"]) == COUNT


def test_what_cannot_be_done_is_said(server: Server, tmp_path: Path) -> None:
    load = Load(server, "bb.gone")
    with pytest.raises(BadTarget, match="cannot save"):
        load.admin.save_account(load.endpoints, tmp_path / "no-such-folder" / "it")
    load.close()
    with pytest.raises(BadTarget, match=r"no destination bb\.gone"):
        DRIVER.connect(load.session("g")).consumer()
    again = SimulatedAdmin(server.address, load.settings)
    with pytest.raises(BadTarget, match=r"no 'bb\.gone'"):
        again.counters(load.endpoints)
    again.close()


def test_settings_travel_with_each_destination(server: Server) -> None:
    loads = [Load(server, "bb.silent", confirms=False), Load(server, "bb.lossy", fates={"refused": ["every 2"]})]
    for load, count in zip(loads, (COUNT, COUNT // 2), strict=True):
        load.send([message(n) for n in range(COUNT)])
        load.receive(count)
    assert len(loads[0].producer.confirms(0.0)) == 0
    for load in loads:
        load.close()
