"""`Cluster` through confluent-kafka."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    OFFSET_INVALID,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import Consumer as LibConsumer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from .access import for_librdkafka
from .cluster import WITHOUT_MEMBERS, ClusterError, Replicas
from .door import Door
from .quiet import LIBRDKAFKA, logger

__all__ = ["ConfluentCluster"]

_LEADER_S = 15.0
_PASSING = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError._NOENT,  # librdkafka's own: "no leaders found", while the brokers have not told them
)
_LOOK_AGAIN_S = 0.02


class ConfluentCluster:
    def __init__(self, address: Mapping[str, Any], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._config_of_all = {**for_librdkafka(address), **LIBRDKAFKA}
        door = Door()
        self._client = AdminClient({**self._config_of_all, "error_cb": door.hear}, logger=logger())
        self._readers: dict[str, LibConsumer] = {}
        self._call(lambda: door.enter(self._client, timeout_s))

    def cluster_id(self) -> str:
        return str(self._metadata().cluster_id)

    def brokers(self) -> list[int]:
        return sorted(self._metadata().brokers)

    def create(self, topic: str, partitions: int, replication: int, config: Mapping[str, str]) -> None:
        new = NewTopic(topic, num_partitions=partitions, replication_factor=replication, config=dict(config))
        self._result(self._client.create_topics([new], operation_timeout=self._timeout_s))
        deadline = time.monotonic() + _LEADER_S
        while not self._led(topic, partitions):
            if time.monotonic() > deadline:
                raise ClusterError(f"topic {topic} has partitions without a leader {_LEADER_S:g} s after its creation")
            time.sleep(_LOOK_AGAIN_S)

    def _led(self, topic: str, partitions: int) -> bool:
        found = self._metadata(topic).topics[topic]
        return found.error is None and sum(p.leader >= 0 for p in found.partitions.values()) == partitions

    def delete(self, topic: str) -> None:
        self._result(self._client.delete_topics([topic], operation_timeout=self._timeout_s))

    def delete_group(self, group: str) -> None:
        if (reader := self._readers.pop(group, None)) is not None:
            reader.close()
        self._result(self._client.delete_consumer_groups([group]))

    def offsets(self, topic: str, partitions: int) -> tuple[list[int], list[int]]:
        first = self._list_offsets(topic, partitions, OffsetSpec.earliest())
        return first, self._list_offsets(topic, partitions, OffsetSpec.latest())

    def _list_offsets(self, topic: str, partitions: int, spec: Any) -> list[int]:
        asked = {TopicPartition(topic, p): spec for p in range(partitions)}
        answers = self._call(lambda: self._client.list_offsets(asked, request_timeout=self._timeout_s))
        found = {at.partition: self._call(future.result).offset for at, future in answers.items()}
        return [int(found[p]) for p in range(partitions)]

    def committed(self, group: str, topic: str, partitions: int) -> list[int | None]:
        """Through a consumer that never joins: librdkafka 2.16's admin client ends the process (SIGSEGV) when a
        coordinator answers such a question with "load in progress" or "not coordinator"."""
        if group not in self._readers:
            self._readers[group] = LibConsumer({**self._config_of_all, "group.id": group}, logger=logger())
        asked = [TopicPartition(topic, p) for p in range(partitions)]
        answer = self._call(lambda: self._readers[group].committed(asked, timeout=self._timeout_s))
        found = {at.partition: at.offset for at in answer}
        return [None if found.get(p, OFFSET_INVALID) < 0 else int(found[p]) for p in range(partitions)]

    def replicas(self, topic: str) -> list[Replicas]:
        about = self._metadata(topic).topics[topic]
        if about.error is not None:
            raise ClusterError(about.error.str(), about.error.name(), passing=about.error.code() in _PASSING)
        found = about.partitions
        return [Replicas(found[p].leader, found[p].replicas, found[p].isrs) for p in sorted(found)]

    def active_groups(self) -> list[str]:
        asked = self._client.list_consumer_groups(request_timeout=self._timeout_s)
        found = self._call(lambda: asked.result(timeout=self._timeout_s + 5)).valid
        return [group.group_id for group in found if group.state.name not in WITHOUT_MEMBERS]

    def topic_config(self, topic: str) -> dict[str, str]:
        return self._config(ResourceType.TOPIC, topic)

    def broker_config(self, broker: int, names: Sequence[str]) -> dict[str, str]:
        found = self._config(ResourceType.BROKER, str(broker))
        return {name: found[name] for name in names if name in found}

    def _config(self, kind: Any, name: str) -> dict[str, str]:
        resource = ConfigResource(kind, name)
        entries = self._result(self._client.describe_configs([resource], request_timeout=self._timeout_s))
        return {entry.name: entry.value for entry in entries.values() if entry.value is not None}

    def close(self) -> None:
        while self._readers:
            self._readers.popitem()[1].close()
        self._client.poll(0)

    def _metadata(self, topic: str | None = None) -> Any:
        return self._call(lambda: self._client.list_topics(topic, timeout=self._timeout_s))

    def _result(self, futures: "Mapping[Any, Future[Any]]") -> Any:
        """Of a call about one thing."""
        (future,) = futures.values()
        return self._call(lambda: future.result(timeout=self._timeout_s + 5))

    def _call(self, call: Any) -> Any:
        try:
            return call()
        except KafkaException as error:
            why = error.args[0]
            raise ClusterError(why.str(), why.name(), passing=why.code() in _PASSING) from error
        except TimeoutError as error:
            raise ClusterError(f"no answer within {self._timeout_s:g} s") from error
