"""The few things an administrator asks of a cluster, through whichever client library is installed."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["WITHOUT_MEMBERS", "Cluster", "ClusterError", "Replicas", "open_cluster"]

WITHOUT_MEMBERS = {"EMPTY", "DEAD"}  # a group's states


class ClusterError(Exception):
    """The cluster did not do what was asked; the text says what it answered. `code` is Kafka's name for it, or "";
    `passing` is true where the same may work a moment later."""

    def __init__(self, text: str, code: str = "", *, passing: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.passing = passing


@dataclass(frozen=True)
class Replicas:
    """Of one partition: node numbers."""

    leader: int
    all: Sequence[int]
    in_sync: Sequence[int]


class Cluster(Protocol):
    """All methods raise ClusterError."""

    def cluster_id(self) -> str: ...

    def brokers(self) -> list[int]: ...

    def create(self, topic: str, partitions: int, replication: int, config: Mapping[str, str]) -> None:
        """Returns when each partition has a leader."""

    def delete(self, topic: str) -> None: ...

    def delete_group(self, group: str) -> None: ...

    def offsets(self, topic: str, partitions: int) -> tuple[list[int], list[int]]:
        """The first offset kept and the next one to be written, for each partition."""

    def committed(self, group: str, topic: str, partitions: int) -> list[int | None]:
        """The group's committed offset for each partition; None where there is none."""

    def replicas(self, topic: str) -> list[Replicas]:
        """Of each partition."""

    def active_groups(self) -> list[str]:
        """The groups that have members now."""

    def topic_config(self, topic: str) -> dict[str, str]: ...

    def broker_config(self, broker: int, names: Sequence[str]) -> dict[str, str]: ...

    def close(self) -> None: ...


def open_cluster(address: Mapping[str, Any], timeout_s: float = 15.0) -> Cluster:
    """Raises ClusterError when nothing answers within `timeout_s`."""
    if importlib.util.find_spec("confluent_kafka") is not None:
        from .cluster_confluent import ConfluentCluster

        return ConfluentCluster(address, timeout_s)
    from .cluster_kafka_python import KafkaPythonCluster

    return KafkaPythonCluster(address, timeout_s)
