"""RabbitMQ's own ways, on a real server: returns, alarms, forced closes, counters, acknowledgements out of order."""

import contextlib
import http.client
import os
import re
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pika
import pytest

from brokerbench.contract import (
    Admin,
    BadTarget,
    Batch,
    Confirms,
    Connection,
    ConnectionLost,
    Consumer,
    Counters,
    Deliveries,
    Destination,
    Endpoints,
    Fate,
    Producer,
    Session,
    Settle,
)
from brokerbench.model import ServerKind
from brokerbench.servers import Guardian, Host, Server
from brokerbench_drivers.rabbitmq import DRIVER
from brokerbench_drivers.rabbitmq.management import Management

DEADLINE_S = 90.0
SIZE = 100
RECIPE = DRIVER.servers[ServerKind.NATIVE]

pytestmark = pytest.mark.broker("rabbitmq")


def until(done: Callable[[], object], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < end, f"not within {DEADLINE_S:g} s: {what}"


def require_rabbitmq() -> None:
    found = RECIPE.available()
    if not found.ready:
        why = f"RabbitMQ: {found.what}"
        pytest.fail(f"BROKERBENCH_REQUIRE=all: {why}") if os.environ.get("BROKERBENCH_REQUIRE") == "all" else None
        pytest.skip(why)


@contextlib.contextmanager
def running(logs: Path) -> Iterator[Server]:
    require_rabbitmq()
    with Guardian() as guardian:
        host = Host(guardian, "rabbitmq", logs, print)
        yield RECIPE.start(host, DRIVER.Settings())
        host.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("logs")) as made:
        yield made


class Bench:
    """One destination, and what a test opens on it."""

    def __init__(
        self, server: Server, client: str, name: str, groups: tuple[str, ...] = ("a",), **settings: Any
    ) -> None:
        self.client = client
        given = {"exchange": "direct", "persistent": False, "confirms": True, "auto_ack": False, **settings}
        self.settings = DRIVER.Settings(**given)
        self.admin: Admin = DRIVER.admin(server.address, self.settings)
        self.endpoints: Endpoints = self.admin.declare(Destination(name, 1, 1, dict.fromkeys(groups, 1)))
        self.opened: list[Connection] = []

    def connect(self, group: str | None = None, prefetch: int = 500) -> Connection:
        session = Session(self.endpoints, self.client, self.settings, 1000, prefetch, SIZE, 0, group)
        self.opened.append(DRIVER.connect(session))
        return self.opened[-1]

    def close(self) -> None:
        for connection in self.opened:
            connection.close()
        self.admin.delete(self.endpoints)
        self.admin.close()


@pytest.fixture(params=["pika", "amqpstorm"])
def client(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def bench(server: Server, client: str, request: pytest.FixtureRequest) -> Iterator[Bench]:
    name = re.sub(r"\W+", "-", request.node.name)  # pamqp takes no brackets in a name
    made = Bench(server, client, f"bb.{name}", **getattr(request, "param", {}))
    yield made
    made.close()


def batch(first: int, count: int) -> Batch:
    data = b"".join(i.to_bytes(8, "big") + bytes(SIZE - 8) for i in range(first, first + count))
    return Batch(memoryview(data), np.arange(count + 1, dtype=np.int64) * SIZE, SIZE, count)


def note(confirms: Confirms, fates: dict[int, Fate]) -> None:
    """Ordinal -> fate; each is answered once."""
    for first, last, fate in zip(confirms.first.tolist(), confirms.last.tolist(), confirms.fate.tolist(), strict=True):
        for ordinal in range(first, last + 1):
            assert ordinal not in fates
            fates[ordinal] = Fate(fate)


def send(producer: Producer, count: int, first: int = 0) -> dict[int, Fate]:
    """Send all, wait for every answer; ordinal -> fate, each answered once."""
    fates: dict[int, Fate] = {}
    sent = 0

    def step() -> bool:
        nonlocal sent
        room = min(producer.room(), count - sent, 100)
        if room > 0:
            sent += producer.send(batch(first + sent, room))
        found = producer.confirms(0.0 if room > 0 else 0.01)
        note(found, fates)
        return len(fates) == count

    until(step, f"{count} sent and answered")
    return fates


def numbers(deliveries: Deliveries) -> list[int]:
    assert deliveries.payloads is not None
    return [int.from_bytes(body[:8], "big") for body in deliveries.payloads]


def channel(bench: Bench) -> Any:
    """Somebody else's hand on the broker."""
    of = bench.endpoints.address
    return pika.BlockingConnection(pika.ConnectionParameters(of["host"], of["port"])).channel()


def manage(address: Any, method: str, path: str, body: bytes | None = None) -> int:
    connection = http.client.HTTPConnection(address["host"], address["management_port"], timeout=10)
    token = b64encode(f"{address['user']}:{address['password']}".encode()).decode()
    connection.request(method, path, body, headers={"Authorization": f"Basic {token}", "X-Reason": "the test says so"})
    status = connection.getresponse().status
    connection.close()
    return status


def rabbitmqctl(server: Server, *arguments: str) -> None:
    assert server.process is not None
    environ = Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")
    env = dict(entry.decode().split("=", 1) for entry in environ if b"=" in entry)
    script = Path(server.about["command"]).with_name("rabbitmqctl")
    subprocess.run([str(script), "-n", env["RABBITMQ_NODENAME"], *arguments], env=env, check=True, capture_output=True)


@pytest.mark.parametrize("bench", [{"queue_type": "classic"}, {"queue_type": "quorum"}], indirect=True)
def test_the_brokers_own_counters_come_out_exact(bench: Bench) -> None:
    producer = bench.connect().producer()
    consumer = bench.connect("a").consumer()
    assert set(send(producer, 5000).values()) == {Fate.CONFIRMED}
    got: list[int] = []

    def pull() -> bool:
        deliveries = consumer.receive(0.05)
        got.extend(numbers(deliveries))
        consumer.settle(deliveries.tokens, Settle.ACCEPT)
        return len(got) == 5000

    until(pull, "5000 messages")
    assert got == list(range(5000))
    seen: list[Counters] = []

    def exact(wanted: Counters) -> bool:
        seen.append(bench.admin.counters(bench.endpoints))
        return seen[-1] == wanted

    until(lambda: exact(Counters(5000, {"a": 5000}, 0)), f"exact counters, last: {seen[-1:]}")
    bench.opened[-1].close()
    assert set(send(producer, 100, first=5000).values()) == {Fate.CONFIRMED}
    until(lambda: exact(Counters(5100, {"a": 5000}, 100)), f"100 stored, last: {seen[-1:]}")
    assert max(counters.published or 0 for counters in seen) == 5100


def test_an_unroutable_message_is_refused(bench: Bench) -> None:
    producer = bench.connect().producer()
    name = bench.endpoints.destination
    assert set(send(producer, 50).values()) == {Fate.CONFIRMED}
    with channel(bench).connection as other:
        hand = other.channel()
        hand.queue_unbind(f"{name}.a", name, routing_key=name)
        producer.send(batch(50, 200))
        answered: dict[int, int] = {}

        def all_refused() -> bool:
            found = producer.confirms(0.01)
            for low, high, fate in zip(found.first.tolist(), found.last.tolist(), found.fate.tolist(), strict=True):
                answered.update(dict.fromkeys(range(low, high + 1), fate))
            return len(answered) == 200

        until(all_refused, "200 answers")
        assert answered == dict.fromkeys(range(50, 250), Fate.REFUSED.value)
        hand.queue_bind(f"{name}.a", name, routing_key=name)
    producer.send(batch(250, 1))
    until(lambda: producer.confirms(0.01).fate.tolist() == [Fate.CONFIRMED.value], "confirmed again")


@pytest.mark.parametrize("bench", [{"max_length": 100, "overflow": "reject-publish"}], indirect=True)
def test_what_a_full_queue_does_not_take_is_refused(bench: Bench) -> None:
    fates = send(bench.connect().producer(), 300)
    refused = sum(fate is Fate.REFUSED for fate in fates.values())
    got = drained(bench.connect("a").consumer(), 300 - refused)
    assert refused >= 100, "it holds a hundred, and some more were on their way as it became full"
    assert got == [ordinal for ordinal in range(300) if fates[ordinal] is Fate.CONFIRMED]


@pytest.mark.parametrize("bench", [{"max_length": 100, "overflow": "drop-head"}], indirect=True)
def test_a_full_queue_that_drops_keeps_the_newest(bench: Bench) -> None:
    assert set(send(bench.connect().producer(), 300).values()) == {Fate.CONFIRMED}
    assert drained(bench.connect("a").consumer(), 100) == list(range(200, 300))


def drained(consumer: Consumer, count: int) -> list[int]:
    """Which came, and that no more do."""
    got: list[int] = []

    def pull() -> int:
        deliveries = consumer.receive(0.05)
        got.extend(numbers(deliveries))
        consumer.settle(deliveries.tokens, Settle.ACCEPT)
        return deliveries.count

    until(lambda: pull() == 0 and len(got) >= count, f"{count} messages")
    return got


@pytest.mark.parametrize("bench", [{"mirrored": True}], indirect=True)
def test_a_mirrored_queue_has_the_usual_policy(bench: Bench) -> None:
    facts = bench.admin.facts(bench.endpoints)
    if facts["version"].startswith("4."):
        pytest.skip(f"RabbitMQ {facts['version']} has no mirrored queues")
    assert bench.endpoints.groups["a"] == f"ha.{bench.endpoints.destination}.a"
    policy = 'ha-all: {"ha-mode": "all"}'
    until(lambda: bench.admin.facts(bench.endpoints).get("policy") == policy, f"policy {policy}")
    assert bench.admin.facts(bench.endpoints)["replicas"].startswith(f"1: {facts['nodes']}; synchronised")
    assert set(send(bench.connect().producer(), 50).values()) == {Fate.CONFIRMED}
    assert drained(bench.connect("a").consumer(), 50) == list(range(50))


@pytest.mark.parametrize("bench", [{"queue_type": "quorum"}, {"queue_type": "stream"}], indirect=True)
def test_members_are_read_back(bench: Bench) -> None:
    node = bench.admin.facts(bench.endpoints)["nodes"]
    replicas = f"1: {node}; online {node}; leader {node}"
    until(lambda: bench.admin.facts(bench.endpoints).get("replicas") == replicas, f"replicas {replicas}")


def test_an_external_server_is_told_how_to_mirror(server: Server) -> None:
    address = {key: value for key, value in server.address.items() if key != "stats_interval_ms"}
    other = {**address, "vhost": "plain"}  # where nobody has set a policy
    assert manage(address, "PUT", "/api/vhosts/plain") in (201, 204)
    assert manage(address, "PUT", "/api/permissions/plain/guest", b'{"configure":".*","write":".*","read":".*"}') < 300
    with pytest.raises(BadTarget, match=r"rabbitmqctl set_policy -p plain --apply-to queues ha-all") as refused:
        DRIVER.admin(other, DRIVER.Settings(mirrored=True))
    assert "\n" not in str(refused.value)


def test_others_on_the_server_are_seen(bench: Bench) -> None:
    until(lambda: bench.admin.busy() == "", "nobody else is there")
    bench.connect().producer()
    with channel(bench).connection:
        until(lambda: bench.admin.busy().startswith("1 connection of others"), "one other connection")


def test_a_connection_that_is_closed_by_force_is_lost_with_the_brokers_words(bench: Bench) -> None:
    sending, receiving = bench.connect(), bench.connect("a")
    producer, consumer = sending.producer(), receiving.consumer()
    address = bench.endpoints.address
    with channel(bench).connection as other:
        other.close()
    connections: list[str] = []

    def listed() -> bool:
        from brokerbench_drivers.rabbitmq.management import Management

        found: Any = Management(address)._get("/api/connections")
        ours = (
            c for c in found if c.get("user_provided_name", "").startswith(f"brokerbench {bench.endpoints.destination}")
        )
        connections[:] = [c["name"] for c in ours]
        return len(connections) == 2

    until(listed, "both connections in the management API")
    for name in connections:
        assert manage(address, "DELETE", f"/api/connections/{quote(name, safe='')}") == 204

    def lost(call: Callable[[], object]) -> str:
        text = ""

        def raised() -> bool:
            nonlocal text
            try:
                call()
            except ConnectionLost as error:
                text = str(error)
            return bool(text)

        until(raised, "ConnectionLost")
        return text

    for call in (lambda: producer.confirms(0.05), lambda: consumer.receive(0.05)):
        text = lost(call)
        assert "the test says so" in text
        assert "\n" not in text
    with pytest.raises(ConnectionLost):
        producer.send(batch(0, 1))
    assert producer.room() == 0
    assert [event.kind for event in sending.events()] == ["dropped"]


def test_a_deleted_queue_ends_its_consumer(bench: Bench) -> None:
    consumer = bench.connect("a").consumer()
    bench.admin.delete(bench.endpoints)
    with pytest.raises(ConnectionLost, match="cancelled the consumer"):
        until(lambda: consumer.receive(0.05).count < 0, "never: it raises first")


def test_a_missing_queue_is_a_bad_target_in_the_brokers_words(bench: Bench) -> None:
    bench.admin.delete(bench.endpoints)
    with pytest.raises(BadTarget, match="no queue"):
        bench.connect("a").consumer()


def test_a_memory_alarm_blocks_and_unblocks(bench: Bench, server: Server) -> None:
    connection = bench.connect()
    producer = connection.producer()
    assert set(send(producer, 10).values()) == {Fate.CONFIRMED}
    kinds: list[str] = []

    def heard(kind: str) -> bool:
        producer.confirms(0.01)
        kinds.extend(event.kind for event in connection.events())
        return kind in kinds

    try:
        rabbitmqctl(server, "set_vm_memory_high_watermark", "absolute", "1MB")
        producer.send(batch(10, 1))  # RabbitMQ tells a connection once it publishes
        until(lambda: heard("blocked"), "blocked")
        assert producer.room() == 0
        assert producer.send(batch(11, 1)) == 0
    finally:
        rabbitmqctl(server, "set_vm_memory_high_watermark", "0.4")
    until(lambda: heard("unblocked"), "unblocked")
    assert kinds == ["blocked", "unblocked"]
    until(lambda: producer.confirms(0.01) is not None and producer.room() == 1000, "confirmed")


def test_a_later_block_settled_first_leaves_the_earlier_one(bench: Bench) -> None:
    producer = bench.connect().producer()
    receiving = bench.connect("a", prefetch=5)
    consumer = receiving.consumer()
    send(producer, 10)
    held: list[Deliveries] = []

    def hold() -> bool:
        held.append(consumer.receive(0.05))
        return sum(deliveries.count for deliveries in held) == 5

    until(hold, "five")
    early = [token for deliveries in held for token in (deliveries.tokens or [])]
    consumer.settle(early[3:], Settle.ACCEPT)  # 3 and 4; room for 5 and 6
    until(lambda: 5 in numbers(consumer.receive(0.05)), "the next")
    receiving.close()
    again = bench.connect("a").consumer()
    got: list[tuple[int, bool]] = []

    def rest() -> bool:
        deliveries = again.receive(0.05)
        assert deliveries.redelivered is not None
        got.extend(zip(numbers(deliveries), deliveries.redelivered.tolist(), strict=True))
        return len(got) == 8

    until(rest, "eight")
    assert sorted(number for number, _ in got) == [0, 1, 2, 5, 6, 7, 8, 9]
    assert {number for number, redelivered in got if redelivered} >= {0, 1, 2}


@pytest.mark.parametrize("bench", [{"confirms": False, "auto_ack": True, "exchange": "default"}], indirect=True)
def test_at_most_once_neither_confirms_nor_settles(bench: Bench) -> None:
    consumer = bench.connect("a").consumer()
    producer = bench.connect().producer()
    sent = 0
    while sent < 300:
        assert producer.room() <= 1000
        sent += producer.send(batch(sent, 100))
        assert len(producer.confirms(0.0)) == 0
    got: list[int] = []

    def pull() -> bool:
        deliveries = consumer.receive(0.05)
        assert deliveries.tokens is None
        got.extend(numbers(deliveries))
        return len(got) == 300

    until(pull, "300 messages")
    assert got == list(range(300))
    until(lambda: bench.admin.counters(bench.endpoints).delivered["a"] == 300, "counted")


def test_declare_refuses_what_is_there(bench: Bench) -> None:
    with pytest.raises(BadTarget, match="already has a queue"):
        bench.admin.declare(Destination(bench.endpoints.destination, 1, 1, {"a": 1}))


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_a_dead_letter_queue_comes_and_goes_with_its_destination(server: Server, queue_type: str) -> None:
    admin = DRIVER.admin(server.address, DRIVER.Settings(queue_type=queue_type))
    groups = {"a": 1, "b": 1}
    endpoints = admin.declare(Destination(f"bb.dead-{queue_type}", 1, 1, groups, dead_letters=("b",)))
    dead, management = f"bb.dead-{queue_type}.b.dead", Management(server.address)
    assert (management.queue(dead) or {})["arguments"] == {"x-queue-type": queue_type}
    assert admin.counters(endpoints).dead_lettered == {"b": 0}
    with pytest.raises(BadTarget, match="already has a queue"):
        admin.declare(Destination(f"bb.dead-{queue_type}", 1, 1, groups))
    admin.delete(endpoints)
    assert management.queue(dead) is None
    admin.close()


@pytest.mark.parametrize(
    ("settings", "can"),
    [
        ({"queue_type": "classic"}, True),
        ({"queue_type": "quorum", "max_length": 10, "overflow": "reject-publish"}, True),
        ({"queue_type": "classic", "max_length": 10, "overflow": "drop-head"}, False),
        ({"queue_type": "classic", "auto_ack": True}, False),
        ({"queue_type": "stream"}, False),
    ],
)
def test_only_what_is_rejected_may_come_to_the_dead_letters(settings: dict[str, Any], can: bool) -> None:
    assert DRIVER.dead_letters(DRIVER.Settings(**settings)) is can


def test_facts_are_read_back(server: Server, request: pytest.FixtureRequest) -> None:
    made = Bench(server, "pika", "bb.facts", ("a", "b"), exchange="fanout", queue_type="quorum")
    limits = {"vm_memory_high_watermark_bytes", "disk_free_limit_bytes"}  # a node that has just come up tells none yet
    until(lambda: limits <= made.admin.facts(made.endpoints).keys(), "the node tells its limits")
    facts = made.admin.facts(made.endpoints)
    made.close()
    assert facts["version"] == server.about["version"]
    assert facts["queue.a"] == facts["queue.b"] == "quorum, durable, x-queue-type=quorum"
    assert facts["exchange"] == "fanout"
    assert int(facts["vm_memory_high_watermark_bytes"]) > 0
    assert int(facts["disk_free_limit_bytes"]) > 0
    assert facts["collect_statistics_interval_ms"] == "1000"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"password": "wrong"}, "refused user 'guest': 401"),
        ({"vhost": "nowhere"}, "vhost 'nowhere': .*vhost nowhere not found"),
        ({"management_port": 1}, "rabbitmq-plugins enable rabbitmq_management"),
        ({"port": 1}, "connection refused"),
    ],
)
def test_a_server_that_cannot_be_used_is_a_bad_target_in_one_line(
    server: Server, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadTarget, match=says) as raised:
        DRIVER.admin({**server.address, **wrong}, DRIVER.Settings())
    assert "\n" not in str(raised.value)
    assert "wrong" not in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"password": "wrong"}, "as 'guest'"), ({"vhost": "nowhere"}, "nowhere"), ({"port": 1}, "connection refused")],
)
def test_a_client_that_cannot_connect_says_why(bench: Bench, wrong: dict[str, Any], says: str) -> None:
    of = bench.endpoints
    elsewhere = Endpoints({**of.address, **wrong}, of.destination, of.groups, extra=of.extra)
    with pytest.raises(BadTarget, match=says) as raised:
        DRIVER.connect(Session(elsewhere, "pika", bench.settings, 10, 10, SIZE, 0, None))
    assert "\n" not in str(raised.value)


def test_a_stopped_server_leaves_no_process_and_no_port(tmp_path: Path) -> None:
    require_rabbitmq()
    with Guardian() as guardian:
        host = Host(guardian, "rabbitmq", tmp_path, print)
        server = RECIPE.start(host, DRIVER.Settings(vhost="own"))
        assert server.process is not None
        assert server.address["vhost"] == "own"
        pids = list(server.process.pids())
        names = {name for pid in pids for name in [_name(pid)] if name}
        assert "epmd" in names
        assert any(name.startswith("beam") for name in names)
        server.process.stop(server.stop_grace_s)
        assert not server.process.pids()
        assert [pid for pid in pids if _name(pid) in ("epmd", "beam.smp")] == []
        host.close()


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
