"""Three KRaft nodes: what was confirmed outlives one of them, for both clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from brokerbench.contract import Destination, Session, Settle
from brokerbench.model import Broker, Delivery, Guarantee, ServerKind, ServerSpec, Survives
from brokerbench.servers import Guardian, NotAvailable, Server, tailored
from brokerbench_drivers.kafka import DRIVER
from tests.conformance.payloads import batch, body, read
from tests.support.absent import recipe_of
from tests.support.running import scenario, until

COUNT = 500
THREE = ServerSpec(nodes=3)
ASKED = Delivery(guarantee=Guarantee.AT_LEAST_ONCE, survives=Survives.NODE_LOSS)
SETTINGS = DRIVER.Settings.from_base(
    DRIVER.promise(DRIVER.Settings(), ASKED, scenario({"it": Broker(driver="kafka")}), 3).settings
)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Server]:
    recipe = recipe_of("kafka", settings=SETTINGS, spec=THREE)
    with Guardian() as guardian:
        host = guardian.host("kafka", tmp_path)
        yield recipe.start(host, SETTINGS)
        host.close()


@pytest.mark.broker("kafka")
@pytest.mark.timeout(600)
def test_confirmed_messages_outlive_a_node(cluster: Server) -> None:
    assert len({process.pid for process in cluster.processes}) == 3
    assert cluster.about["heap"] == "512 MiB on each node"
    admin = DRIVER.admin(cluster.address, SETTINGS)
    endpoints = admin.declare(Destination("bb.r.t", 1, 1, dict.fromkeys(DRIVER.clients, 1)))
    facts = admin.facts(endpoints)
    assert (facts["nodes"], facts["replicas"]) == ("3", "3, in sync 3")
    assert facts["topic.min.insync.replicas"] == "2"
    assert facts["broker.offsets.topic.replication.factor"] == "3"
    for index, client in enumerate(DRIVER.clients):
        connection = DRIVER.connect(Session(endpoints, client, SETTINGS, COUNT, 500, 64, index, None))
        sender, confirmed = connection.producer(), 0
        assert sender.send(batch([body(7, index, n, 64) for n in range(COUNT)])) == COUNT

        def all_confirmed() -> bool:
            nonlocal confirmed
            found = sender.confirms(0.05)  # noqa: B023 - called within this turn
            confirmed += int((found.last - found.first + 1).sum())
            return confirmed == COUNT

        until(all_confirmed, "all confirmed")
        connection.close()
    cluster.processes[int(facts["leaders"]) - 1].stop(0)
    for client in DRIVER.clients:
        connection = DRIVER.connect(Session(endpoints, client, SETTINGS, COUNT, 500, 64, 0, client))
        consumer = connection.consumer()
        got: set[tuple[int, int]] = set()

        def all_came() -> bool:
            found = consumer.receive(0.05)  # noqa: B023
            got.update(read(bytes(payload))[1:] for payload in found.payloads or ())  # noqa: B023
            if found.count:
                consumer.settle(found.tokens, Settle.ACCEPT)  # noqa: B023
            return len(got) == 2 * COUNT  # noqa: B023

        until(all_came, f"each confirmed message comes to {client} from the nodes that are left")
        connection.close()
    until(lambda: admin.facts(endpoints)["replicas"] == "3, in sync 2", "the cluster notices")
    admin.close()


def test_another_version_is_not_here() -> None:
    recipe = DRIVER.servers[ServerKind.EMBEDDED]
    for fits in ("4", "4.3", "4.3.1"):
        tailored(recipe, SETTINGS, ServerSpec(version=fits))
    for other in ("3.9", "4.3.10", "4.30"):
        with pytest.raises(NotAvailable, match=rf"Kafka {other} is asked, and 4\.3\.1 is here"):
            tailored(recipe, SETTINGS, ServerSpec(version=other))
