"""Three JetStream nodes: what was confirmed outlives one of them."""

from pathlib import Path

import pytest

from brokerbench.contract import Destination, Fate, Session, Settle
from brokerbench.model import Broker, Delivery, Guarantee, ServerKind, ServerSpec, Survives
from brokerbench.servers import Guardian, NotAvailable, tailored
from brokerbench_drivers.nats import DRIVER
from tests.conformance.payloads import batch, body, read
from tests.support.absent import recipe_of
from tests.support.running import scenario, until

COUNT = 300


@pytest.mark.broker("nats")
@pytest.mark.timeout(600)
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
        until(lambda: admin.facts(endpoints)["replicas"].startswith("3, in sync 3: "), "all three have it")
        facts = admin.facts(endpoints)
        assert facts["nodes"] == "3 in cluster brokerbench"
        producer = DRIVER.connect(Session(endpoints, "nats-py", settings, 500, 500, 64, 0, None))
        sender = producer.producer()
        assert sender.send(batch([body(7, 0, n, 64) for n in range(COUNT)])) == COUNT
        confirmed: set[int] = set()
        refused: set[int] = set()

        def all_answered() -> bool:
            found = sender.confirms(0.05)
            for first, last, fate in zip(found.first, found.last, found.fate, strict=True):
                (confirmed if fate == Fate.CONFIRMED.value else refused).update(range(first, last + 1))
            return len(confirmed) + len(refused) == COUNT

        until(all_answered, "all answered")
        assert len(confirmed) > COUNT // 2, f"{len(refused)} of {COUNT} were refused"
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
            return confirmed <= got

        until(
            all_came,
            lambda: (
                f"each confirmed message from the nodes that are left: {len(confirmed - got)} of {len(confirmed)}"
                f" did not come, {len(refused)} were refused; the connection says {connection.events()}"
            ),
            deadline_s=100,  # both Raft groups elect, in 4 to 9 s a round, and a push that met nobody waits 30 s
        )
        connection.close()
        host.close()


def test_another_version_is_not_here() -> None:
    with pytest.raises(NotAvailable, match="leave version out"):
        tailored(DRIVER.servers[ServerKind.EMBEDDED], DRIVER.Settings(), ServerSpec(version="1.4"))
