"""Three nodes, one of which is killed: what was confirmed is with the others, as `survives: node-loss` promises."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import Admin, BadTarget, ConnectionLost, Destination, Endpoints, Fate, Session, Settle
from brokerbench.model import ServerSpec
from brokerbench.servers import Guardian, Host, Server
from brokerbench_drivers.rabbitmq import DRIVER
from brokerbench_drivers.rabbitmq.address import nodes_of
from tests.conformance.lab import payloads_of, until
from tests.conformance.payloads import batch
from tests.support.absent import recipe_of

NODES = 3
SENT = [b"%016d" % number for number in range(400)]
# What `promise` makes of them.
FILLED = {"confirms": True, "auto_ack": False, "exchange": "default", "persistent": True}
KINDS: tuple[dict[str, Any], ...] = ({"queue_type": "quorum"}, {"queue_type": "stream", "offset": "first"})
KINDS_3 = (*KINDS, {"mirrored": True})  # RabbitMQ 4 has none
RECOVERY_S = 60.0

pytestmark = pytest.mark.broker("rabbitmq")


@pytest.fixture
def cluster(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    spec = ServerSpec(version=request.param, nodes=NODES)
    recipe = recipe_of("rabbitmq", settings=DRIVER.Settings(), spec=spec)
    with Guardian() as guardian:
        host = Host(guardian, "rabbitmq", tmp_path, print)
        yield recipe.start(host, DRIVER.Settings())
        host.close()


class Kept:
    """A destination with confirmed messages."""

    def __init__(self, cluster: Server, kind: dict[str, Any]) -> None:
        self.settings = DRIVER.Settings(**FILLED, **kind)
        self.admin: Admin = DRIVER.admin(cluster.address, self.settings)
        name = kind.get("queue_type", "mirrored")
        self.endpoints: Endpoints = self.admin.declare(Destination(f"bb.loss.{name}", 1, 1, {"a": 1}))
        connection = DRIVER.connect(Session(self.endpoints, "pika", self.settings, len(SENT), 100, 16, 0, None))
        producer, confirmed = connection.producer(), 0
        assert producer.send(batch(SENT)) == len(SENT)

        def move() -> None:
            nonlocal confirmed
            answers = producer.confirms(0.05)
            assert (answers.fate == Fate.CONFIRMED.value).all()
            confirmed += int((answers.last - answers.first + 1).sum())

        until(lambda: confirmed == len(SENT), "all confirmed", move)
        connection.close()

    def replicated(self) -> bool:
        """Known once the statistics say so."""
        facts = self.admin.facts(self.endpoints)
        return facts.get("replicas", "").startswith(f"{NODES}: ") and facts["nodes"].count(",") == NODES - 1

    def read(self) -> set[bytes]:
        """At the second node, which is there still; reopened where it is not ready, as the engine does."""
        got: set[bytes] = set()

        def reads() -> None:
            try:
                connection = DRIVER.connect(Session(self.endpoints, "pika", self.settings, 1, 100, 16, 1, "a"))
                consumer = connection.consumer()
                while len(got) < len(SENT) and (deliveries := consumer.receive(0.5)).count:
                    got.update(payloads_of(deliveries))
                    consumer.settle(deliveries.tokens, Settle.ACCEPT)
                connection.close()
            except (BadTarget, ConnectionLost):
                return

        until(lambda: len(got) == len(SENT), "all that was confirmed", reads, deadline_s=RECOVERY_S)
        return got


@pytest.mark.timeout(900)  # the folder that version 4 is in may have to be made first
@pytest.mark.parametrize("cluster", [None, "4"], indirect=True)
def test_what_was_confirmed_outlives_the_loss_of_a_node(cluster: Server) -> None:
    assert len(nodes_of(cluster.address)) == len(cluster.processes) == NODES
    kept = [Kept(cluster, kind) for kind in (KINDS_3 if cluster.about["version"].startswith("3.") else KINDS)]
    for each in kept:
        until(each.replicated, f"{NODES} copies of {each.settings.queue_type}")
    assert cluster.process is not None
    cluster.process.stop(0)
    for each in kept:
        assert each.read() == set(SENT)
        assert "(down)" in each.admin.facts(each.endpoints)["nodes"]
        each.admin.delete(each.endpoints)
        each.admin.close()
