"""`Cluster` through kafka-python; also what tells the broker's version, which librdkafka does not."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from kafka import TopicPartition, errors
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec

from .access import for_kafka_python
from .admission import let_in
from .cluster import WITHOUT_MEMBERS, ClusterError, Replicas
from .quiet import watch_kafka_python

__all__ = ["KafkaPythonCluster"]

T = TypeVar("T")


class KafkaPythonCluster:
    def __init__(self, address: Mapping[str, Any], timeout_s: float) -> None:
        let_in(address)
        self._client = _bootstrapped(address, timeout_s)

    def version(self) -> str:
        """Such as 4.3: the library infers it from the requests the broker takes, which do not show the last part."""
        found = _call(lambda: self._client.get_broker_version_data(self.brokers()[0]).broker_version)
        return ".".join(map(str, found))

    def cluster_id(self) -> str:
        return str(_call(self._client.describe_cluster)["cluster_id"])

    def brokers(self) -> list[int]:
        return sorted(broker["broker_id"] for broker in _call(self._client.describe_cluster)["brokers"])

    def create(self, topic: str, partitions: int, replication: int, config: Mapping[str, str]) -> None:
        new = {topic: {"num_partitions": partitions, "replication_factor": replication, "configs": dict(config)}}
        _call(lambda: self._client.create_topics(new, wait_for_metadata=True))

    def delete(self, topic: str) -> None:
        _call(lambda: self._client.delete_topics([topic]))

    def delete_group(self, group: str) -> None:
        answer = _call(lambda: self._client.delete_groups([group]))[group]
        if answer not in ("OK", None):
            raise ClusterError(answer, getattr(errors, answer).message)

    def offsets(self, topic: str, partitions: int) -> tuple[list[int], list[int]]:
        first = self._list_offsets(topic, partitions, OffsetSpec.EARLIEST)
        return first, self._list_offsets(topic, partitions, OffsetSpec.LATEST)

    def _list_offsets(self, topic: str, partitions: int, spec: Any) -> list[int]:
        asked = [TopicPartition(topic, p) for p in range(partitions)]
        found = _call(lambda: self._client.list_partition_offsets(dict.fromkeys(asked, spec)))
        return [int(found[at].offset) for at in asked]

    def committed(self, group: str, topic: str, partitions: int) -> list[int | None]:
        asked = [TopicPartition(topic, p) for p in range(partitions)]
        found = _call(lambda: self._client.list_group_offsets({group: asked}))[group]
        return [None if at not in found or found[at].offset < 0 else int(found[at].offset) for at in asked]

    def replicas(self, topic: str) -> list[Replicas]:
        (found,) = _call(lambda: self._client.describe_topics([topic]))
        if found["error_code"]:
            why = errors.for_code(found["error_code"])
            raise ClusterError(why.description or why.__name__, why.message, passing=_passes(why))
        if not found["partitions"]:
            raise ClusterError(f"no partitions of topic {topic}", errors.UnknownTopicOrPartitionError.message)
        return [Replicas(p["leader_id"], p["replica_nodes"], p["isr_nodes"]) for p in found["partitions"]]

    def active_groups(self) -> list[str]:
        found = _call(self._client.list_groups)
        return [group["group_id"] for group in found if group["group_state"].upper() not in WITHOUT_MEMBERS]

    def topic_config(self, topic: str) -> dict[str, str]:
        found = self._config(ConfigResourceType.TOPIC, topic)
        if not found:  # which is what the library makes of any error about it
            why = f"no settings of topic {topic}: it is not known there, or we may not read them"
            raise ClusterError(why, errors.UnknownTopicOrPartitionError.message)
        return found

    def broker_config(self, broker: int, names: Sequence[str]) -> dict[str, str]:
        found = self._config(ConfigResourceType.BROKER, str(broker))
        return {name: found[name] for name in names if name in found}

    def _config(self, kind: Any, name: str) -> dict[str, str]:
        asked = [ConfigResource(kind, name)]
        found = _call(lambda: self._client.describe_configs(asked, config_filter="all"))[kind.name.lower()][name]
        return {key: str(entry["value"]) for key, entry in found.items() if entry["value"] is not None}

    def close(self) -> None:
        self._client.close()


def _bootstrapped(address: Mapping[str, Any], timeout_s: float) -> KafkaAdminClient:
    """The library goes on trying for all the time that it is given, and tells the reason in its log only."""
    heard: list[str] = []
    unwatch = watch_kafka_python(heard.append)
    try:
        return KafkaAdminClient(
            **for_kafka_python(address),
            bootstrap_timeout_ms=int(1000 * timeout_s),
            request_timeout_ms=max(1000, int(1000 * timeout_s)),
        )
    except errors.KafkaError as error:
        raise ClusterError(heard[-1] if heard else str(error)) from error
    finally:
        unwatch()


def _call(call: Callable[[], T]) -> T:
    try:
        return call()
    except errors.KafkaError as error:
        text = str(error).split(": Request ")[0] or type(error).__name__
        raise ClusterError(text, getattr(error, "message", ""), passing=_passes(type(error))) from error


def _passes(kind: type[errors.KafkaError]) -> bool:
    return bool(kind.retriable) and not issubclass(kind, errors.UnknownTopicOrPartitionError)
