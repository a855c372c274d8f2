"""Three JetStream nodes: what was confirmed outlives one of them."""

from pathlib import Path

import pytest

from brokerbench.contract import Destination, Session, Settle
from brokerbench.model import Broker, Delivery, Guarantee, ServerKind, ServerSpec, Survives
from brokerbench.servers import Guardian, NotAvailable, tailored
from brokerbench_drivers.nats import DRIVER
from tests.conformance.payloads import batch, body, read
from tests.support.absent import recipe_of
from tests.support.running import scenario, until

COUNT = 300


@pytest.mark.broker("nats")
def test_confirmed_messages_outlive_a_node(tmp_path: Path) -> None:
    recipe_of("nats")
    asked = Delivery(guarantee=Guarantee.AT_LEAST_ONCE, survives=Survives.NODE_LOSS)
    question = scenario({"it": Broker(driver="nats")})
    settings = DRIVER.Settings.from_base(DRIVER.promise(DRIVER.Settings(), asked, question, 3).settings)
    recipe = tailored(DRIVER.servers[ServerKind.EMBEDDED], settings, ServerSpec(nodes=3))
    with Guardian() as guardian:
        host = guardian.host("nats", tmp_path)
        server = recipe.start(host, settings)
        assert len({process.pid for process in server.processes}) == 3
        admin = DRIVER.admin(server.address, settings)
        endpoints = admin.declare(Destination("bb.r.t", 1, 1, {"a": 1}))
        facts = admin.facts(endpoints)
        assert facts["nodes"] == "3 in cluster brokerbench"
        assert facts["replicas"].startswith("3, in sync 3: ")
        producer = DRIVER.connect(Session(endpoints, "nats-py", settings, 500, 500, 64, 0, None))
        sender = producer.producer()
        assert sender.send(batch([body(7, 0, n, 64) for n in range(COUNT)])) == COUNT
        confirmed = 0

        def all_confirmed() -> bool:
            nonlocal confirmed
            found = sender.confirms(0.05)
            confirmed += int((found.last - found.first + 1).sum())
            return confirmed == COUNT

        until(all_confirmed, "all confirmed")
        producer.close()
        leader = facts["replicas"].split(": ")[1].split(" ", maxsplit=1)[0]
        victim = int(leader.removeprefix("n")) - 1
        server.processes[victim].stop(0)
        admin.close()
        left = [node for n, node in enumerate(server.address["nodes"]) if n != victim]
        address = {**server.address, **left[0], "nodes": left}
        endpoints = type(endpoints)(address, endpoints.destination, endpoints.groups, 1, endpoints.extra)
        connection = DRIVER.connect(Session(endpoints, "nats-py", settings, 500, 500, 64, 0, "a"))
        consumer, got = connection.consumer(), set()

        def all_came() -> bool:
            found = consumer.receive(0.05)
            if found.count:
                got.update(read(bytes(payload))[2] for payload in found.payloads or ())
                consumer.settle(found.tokens, Settle.ACCEPT)
            return len(got) == COUNT

        until(all_came, "each confirmed message comes from the nodes that are left")
        connection.close()
        host.close()


def test_another_version_is_not_here() -> None:
    with pytest.raises(NotAvailable, match="leave version out"):
        tailored(DRIVER.servers[ServerKind.EMBEDDED], DRIVER.Settings(), ServerSpec(version="1.4"))
