"""What the conformance suite runs: a line for each flavour of a driver. One that is not named here runs as shipped.

Settings are as a scenario file has them. `url` is how the driver's `address` is asked for a server at `{port}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import brokerbench_drivers
from brokerbench.contract import Choosy, Driver, Feature, Locatable
from brokerbench.model import ServerSpec
from tests.support.absent import AS_IT_COMES

__all__ = ["CASES", "Case", "Flavour"]


@dataclass(frozen=True)
class Flavour:
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    server: ServerSpec = AS_IT_COMES  # which version, how many nodes
    clients: frozenset[str] | None = None  # those it fits; None: all
    again_s: float = 90.0  # an unsettled message of a dead consumer comes again within
    requeue: bool = True  # single messages can be given back; not from a log, which goes on from an offset
    prefetch_bounds: bool = True  # the broker counts what is unsettled; a log is read ahead
    any_size: bool = True  # messages of one destination may differ in size
    producers: int = 2  # how many a destination takes, at least
    dies: bool = True  # its server is killed; not where another flavour asks that of this server with this client
    again: Mapping[str, Any] = field(default_factory=dict)  # settings of the tests that wait for what comes again
    kept_after_s: float = 0.0  # a destination outlives a kill once it is this old
    ends_later: bool = False  # what is confirmed can be read a moment later; killed before, its server may hide it


STOMP, AMQP = frozenset({"stomp.py"}), frozenset({"proton"})
RABBITMQ_4 = ServerSpec(version="4")

# What is unsettled for so long comes again, though its consumer lives. All other tests have what is shipped for that,
# which is longer than a busy machine keeps a test from settling what it has just received.
ACK_WAIT, CLAIM_AFTER, SESSION = {"ack_wait": "3s"}, {"claim_after": "3s"}, {"session_timeout": "6s"}
# Kafka's own default; ours is short, as the partitions of a dead consumer wait for it.
LIVES = {"session_timeout": "45s"}
READ_AHEAD: Mapping[str, Any] = {"requeue": False, "prefetch_bounds": False}
FLAVOURS: Mapping[str, tuple[Flavour, ...]] = {
    "nats": (
        Flavour("core", {"mode": "core"}),
        Flavour("jetstream-file", {"mode": "jetstream", "storage": "file"}, again=ACK_WAIT),
        Flavour("jetstream-memory", {"mode": "jetstream", "storage": "memory"}, again=ACK_WAIT),
        Flavour("jetstream-tls", {"mode": "jetstream", "storage": "memory", "tls": True}, again=ACK_WAIT),
        Flavour("jetstream-pull", {"mode": "jetstream", "fetch": 100, "storage": "memory"}, again=ACK_WAIT),
        Flavour("jetstream-three", {"mode": "jetstream"}, ServerSpec(nodes=3), again=ACK_WAIT),
    ),
    "zeromq": (
        Flavour("push-pull-tcp", {"pattern": "push-pull", "transport": "tcp"}),
        Flavour("push-pull-ipc", {"pattern": "push-pull", "transport": "ipc"}),
        Flavour("pub-sub-tcp", {"pattern": "pub-sub", "transport": "tcp"}),
        Flavour("queue-tcp", {"pattern": "queue", "transport": "tcp"}),
        Flavour("forwarder-ipc", {"pattern": "forwarder", "transport": "ipc"}),
    ),
    "rabbitmq": (
        Flavour("classic-direct", {"queue_type": "classic", "exchange": "direct"}),
        Flavour("classic-fanout", {"queue_type": "classic", "exchange": "fanout"}, dies=False),
        # Its messages are flushed at once, its entry in Raft's table of names up to 4 s after the declaration.
        Flavour("quorum-direct", {"queue_type": "quorum", "exchange": "direct"}, kept_after_s=12.0),
        # A consumer that comes again reads all of it again: nothing is settled.
        Flavour("stream", {"queue_type": "stream", "confirms": True}, kept_after_s=12.0),
        Flavour("classic-tls", {"queue_type": "classic", "exchange": "direct", "tls": True}),
        # The protocol is the same; what the broker does behind it is asked with both clients of one kind of queue.
        Flavour("classic-4", {"queue_type": "classic", "exchange": "fanout"}, RABBITMQ_4),
        Flavour("quorum-4", {"queue_type": "quorum"}, RABBITMQ_4, clients=frozenset({"pika"}), kept_after_s=12.0),
        Flavour(
            "stream-4",
            {"queue_type": "stream", "confirms": True},
            RABBITMQ_4,
            clients=frozenset({"pika", "rstream"}),
            kept_after_s=12.0,
        ),
    ),
    "kafka": (
        # In this order, since the first two share a server.
        Flavour("as-shipped", LIVES, again=SESSION, **READ_AHEAD),
        Flavour("transactions", {**LIVES, "transactions": 100}, again=SESSION, ends_later=True, **READ_AHEAD),
        Flavour("zstd-tls", {**LIVES, "compression": "zstd", "tls": True}, again=SESSION, dies=False, **READ_AHEAD),
    ),
    # STOMP's NACK is for good on both: an acknowledgement on Artemis, a way to the dead letters on Classic.
    "activemq": (
        Flavour("artemis", {"product": "artemis"}, clients=STOMP, requeue=False),
        Flavour("artemis-amqp", {"product": "artemis"}, clients=AMQP),
        Flavour("artemis-cumulative", {"product": "artemis", "ack": "cumulative"}, requeue=False, dies=False),
        Flavour("artemis-unconfirmed", {"product": "artemis", "confirms": False, "ack": "auto"}, dies=False),
        Flavour("classic", {"product": "classic"}, clients=STOMP, requeue=False),
        Flavour("classic-amqp", {"product": "classic"}, clients=AMQP),
        Flavour("classic-cumulative", {"product": "classic", "ack": "cumulative"}, requeue=False, dies=False),
    ),
    # A list has no flag for what comes again, and counts nothing but what it holds.
    "redis": (
        Flavour("valkey-stream", {"product": "valkey"}, again=CLAIM_AFTER),
        Flavour("valkey-stream-always", {"product": "valkey", "appendfsync": "always"}, again=CLAIM_AFTER),
        Flavour("valkey-list", {"product": "valkey", "structure": "list"}, again=CLAIM_AFTER),
        Flavour("redis-stream", {"product": "redis"}, again=CLAIM_AFTER),
        Flavour("redis-stream-tls", {"product": "redis", "tls": True}, again=CLAIM_AFTER),
        Flavour("redis-list", {"product": "redis", "structure": "list"}, again=CLAIM_AFTER),
    ),
    # A subscriber can only acknowledge; QoS 2 hands over for good; only MQTT 5 bounds what is unacknowledged.
    "mqtt": (
        Flavour("qos0", {"qos": 0}),
        Flavour("qos1", {"qos": 1}, requeue=False),
        Flavour("qos2", {"qos": 2}),
        Flavour("qos1-v311", {"qos": 1, "protocol": "3.1.1"}, requeue=False, prefetch_bounds=False),
        Flavour("qos1-tls", {"qos": 1, "tls": True}, requeue=False),
    ),
    "simulated": (
        Flavour("confirming", {"service": {"constant": "10us"}, "confirm_delay": "1ms"}),
        Flavour("unconfirmed", {"confirms": False, "redelivered_flag": False}),
    ),
    "null": (Flavour("ring", any_size=False, producers=1),),
}
URLS: Mapping[str, str] = {
    "activemq": "stomp://user:password@127.0.0.1:{port}?jolokia=http://127.0.0.1:{port}/jolokia",
    "kafka": "kafka://127.0.0.1:{port}",
    "mqtt": "mqtt://127.0.0.1:{port}",
    "nats": "nats://127.0.0.1:{port}",
    "rabbitmq": "amqp://guest:guest@127.0.0.1:{port}/",
    "redis": "redis://127.0.0.1:{port}",
    "simulated": "simulated://127.0.0.1:{port}",
}


@dataclass(frozen=True)
class Case:
    """One driver with one client and one flavour."""

    driver_name: str
    client: str
    flavour: Flavour

    @property
    def id(self) -> str:
        return f"{self.driver_name}-{self.client}-{self.flavour.name}"

    @property
    def driver(self) -> Driver:
        return brokerbench_drivers.load(self.driver_name)

    @property
    def settings(self) -> Any:
        return self.settings_of(again=False)

    def settings_of(self, *, again: bool) -> Any:
        """`again`: of a test that waits for what is unsettled to come again."""
        return self.driver.Settings.model_validate({**self.flavour.settings, **(self.flavour.again if again else {})})

    @property
    def features(self) -> frozenset[Feature]:
        return self.driver.features(self.settings)

    @property
    def brokerless(self) -> bool:
        """Nobody between the clients that they would notice: a consumer is ready when a message has come round."""
        return not isinstance(self.driver, Locatable)

    @property
    def url(self) -> str:
        return URLS.get(self.driver_name, f"{self.driver_name}://127.0.0.1:{{port}}")


def _all() -> tuple[Case, ...]:
    return tuple(
        Case(name, client, flavour)
        for name in brokerbench_drivers.names()
        for flavour in FLAVOURS.get(name, (Flavour("as-shipped"),))
        for client in brokerbench_drivers.load(name).clients or ("builtin",)
        if (flavour.clients is None or client in flavour.clients) and not _refused(name, client, flavour)
    )


def _refused(name: str, client: str, flavour: Flavour) -> bool:
    driver = brokerbench_drivers.load(name)
    return isinstance(driver, Choosy) and driver.refusal(client, driver.Settings.model_validate(flavour.settings)) != ""


CASES = _all()
