"""The coordinator's hold on a Kafka cluster: topics and groups of a trial, and the broker's own figures for them."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench.contract import BadTarget, Counters, Destination, Endpoints

from .cluster import UNKNOWN_TOPIC, Cluster, ClusterError, Replicas, open_cluster, patiently
from .reach import reach, unusable
from .settings import Settings

__all__ = ["KafkaAdmin"]

_TOPIC_FACTS = (
    "flush.messages",
    "flush.ms",
    "min.insync.replicas",
    "max.message.bytes",
    "compression.type",
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "segment.bytes",
    "message.timestamp.type",
    "unclean.leader.election.enable",
)
_BROKER_FACTS = (
    "num.io.threads",
    "num.network.threads",
    "log.flush.interval.messages",
    "log.flush.scheduler.interval.ms",
    "offsets.topic.num.partitions",
    "offsets.topic.replication.factor",
    "transaction.state.log.num.partitions",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
    "group.initial.rebalance.delay.ms",
    "log.segment.delete.delay.ms",
    "socket.send.buffer.bytes",
    "socket.receive.buffer.bytes",
    "process.roles",
)


class KafkaAdmin:
    def __init__(self, address: Mapping[str, Any], settings: Settings) -> None:
        self._address, self._settings = address, settings
        self._ours: set[str] = set()
        self._closed = False
        reach(address)
        try:
            self._cluster: Cluster = open_cluster(address)
        except ClusterError as error:
            raise unusable(address, error) from error

    def declare(self, destination: Destination) -> Endpoints:
        settings = self._settings
        try:
            self._cluster.create(destination.name, destination.partitions, settings.replicas, settings.topic_config())
        except ClusterError as error:
            raise BadTarget(
                f"Kafka did not create topic {destination.name} (partitions {destination.partitions},"
                f" replication {settings.replicas}): {error}"
            ) from error
        groups = {group: f"{destination.name}.{group}" for group in destination.groups}
        self._ours.update(groups.values())
        return Endpoints(dict(self._address), destination.name, groups, destination.partitions)

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        topic = endpoints.destination
        try:
            brokers = self._cluster.brokers()
            replicas = patiently(self._cluster.replicas, topic, wait_for=UNKNOWN_TOPIC)
            of_topic = patiently(self._cluster.topic_config, topic, wait_for=UNKNOWN_TOPIC)
            of_broker = self._cluster.broker_config(brokers[0], _BROKER_FACTS)
        except ClusterError as error:
            raise BadTarget(f"Kafka did not describe topic {topic}: {error}") from error
        version = _version(self._address)
        facts = {"version": version} if version else {}
        facts |= {"nodes": str(len(brokers)), **_copies(replicas)}
        facts |= {f"topic.{name}": of_topic[name] for name in _TOPIC_FACTS if name in of_topic}
        return facts | {f"broker.{name}": value for name, value in of_broker.items()}

    def counters(self, endpoints: Endpoints) -> Counters:
        """Published is what the partitions hold; delivered what each group committed; stored the sum of the lags.

        None of them with transactions: a commit counts as a message in the log."""
        if self._settings.transactions:
            return Counters(delivered=dict.fromkeys(endpoints.groups))
        topic, partitions = endpoints.destination, endpoints.partitions
        try:
            first, end = patiently(self._cluster.offsets, topic, partitions)
            delivered: dict[str, int | None] = {}
            for group, name in endpoints.groups.items():
                committed = patiently(self._cluster.committed, name, topic, partitions)
                delivered[group] = sum(at - a for at, a in zip(committed, first, strict=True) if at is not None)
        except ClusterError as error:
            raise BadTarget(f"Kafka did not tell the offsets of topic {topic}: {error}") from error
        published = sum(end) - sum(first)
        stored = sum(published - (n or 0) for n in delivered.values())
        return Counters(published, delivered, stored)

    def delete(self, endpoints: Endpoints) -> None:
        """A group that still has members goes with its topic's offsets, later; that is Kafka's own rule."""
        for group in endpoints.groups.values():
            self._unless(("GROUP_ID_NOT_FOUND", "NON_EMPTY_GROUP"), self._cluster.delete_group, group)
        self._unless((UNKNOWN_TOPIC,), self._cluster.delete, endpoints.destination)

    def rewind(self, endpoints: Endpoints, group: str) -> None:
        """A group without committed offsets begins with the first message."""
        self._unless(("GROUP_ID_NOT_FOUND",), self._cluster.delete_group, endpoints.groups[group])

    def busy(self) -> str:
        """By the groups that have members; who only produces is not told by Kafka."""
        try:
            count = len(set(self._cluster.active_groups()) - self._ours)
        except ClusterError as error:
            raise BadTarget(f"Kafka did not tell its groups: {error}") from error
        return f"{count} consumer group{'s' * (count > 1)} of others with members" if count else ""

    def _unless(self, fine: tuple[str, ...], delete: Any, name: str) -> None:
        try:
            delete(name)
        except ClusterError as error:
            if not error.code.upper().startswith(fine):
                raise BadTarget(f"Kafka did not delete {name}: {error}") from error

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._cluster.close()


def _copies(replicas: Sequence[Replicas]) -> dict[str, str]:
    """Of the partition that has the fewest."""
    kept, in_sync = min(len(one.all) for one in replicas), min(len(one.in_sync) for one in replicas)
    leaders = ", ".join(str(one.leader) for one in replicas)
    return {"replicas": f"{kept}, in sync {in_sync}", "leaders": leaders}


def _version(address: Mapping[str, Any]) -> str | None:
    """librdkafka knows the broker's version but does not tell it, so kafka-python is asked where it is installed."""
    if importlib.util.find_spec("kafka") is None:
        return None
    from .cluster_kafka_python import KafkaPythonCluster

    try:
        asked = KafkaPythonCluster(address, 15.0)
    except (BadTarget, ClusterError):
        return None
    try:
        return asked.version()
    except ClusterError:
        return None
    finally:
        asked.close()
