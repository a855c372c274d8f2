"""The few things an administrator asks of a cluster, through whichever client library is installed."""

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

__all__ = ["UNKNOWN_TOPIC", "WITHOUT_MEMBERS", "Cluster", "ClusterError", "Replicas", "open_cluster", "patiently"]

T = TypeVar("T")
# How each library's name for it begins. One node after another hears of a new topic, and which one is asked is the
# library's choice: it may pass.
UNKNOWN_TOPIC = "UNKNOWN_TOPIC_OR_PART"
_PATIENCE_S = 10.0
_LOOK_AGAIN_S = 0.05

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


def patiently(ask: Callable[..., T], *what: Any, wait_for: str | None = None, patience_s: float = _PATIENCE_S) -> T:
    """A leader or coordinator that has only just taken over is waited for, and an error whose code begins so.

    Raises ClusterError."""
    deadline: float | None = None
    while True:
        try:
            return ask(*what)
        except ClusterError as error:
            passing = error.passing or (wait_for is not None and error.code.upper().startswith(wait_for))
            now = time.monotonic()
            deadline = deadline or now + patience_s  # from the first answer: it may have taken long itself
            if not passing or now > deadline:
                raise
            time.sleep(_LOOK_AGAIN_S)
