"""What a scenario may set for Kafka. Defaults are Kafka's own (4.x, Java) unless the description says otherwise,
and both clients are configured alike: librdkafka's and kafka-python's own defaults differ from these."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from brokerbench.model import Count, Duration, Frozen, Size

__all__ = ["MAX_MESSAGE_BYTES", "Settings"]

MAX_MESSAGE_BYTES = 1_048_588  # the broker's own message.max.bytes


def _none(value: object) -> object:
    return None if value == "none" else value


class Settings(Frozen):
    acks: Literal["all", 1, 0] | None = Field(
        default=None, description="who confirms: all in-sync replicas, 1 = the leader, 0 = nobody; default: as promised"
    )
    idempotence: bool | None = Field(
        default=None,
        description="retries neither duplicate nor reorder (enable.idempotence); default: on with acks all",
    )
    linger_s: Duration = Field(default=0.005, alias="linger", description="linger.ms: how long a batch waits for more")
    batch_bytes: Size = Field(default=16 * 1024, alias="batch", description="batch.size: a full batch does not wait")
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        default="none", description="compression.type of the producer, each codec at the library's own level"
    )
    transactions: Annotated[Count | None, BeforeValidator(_none)] = Field(
        default=None,
        description="messages of one producer that are committed together, and only then confirmed; consumers read"
        " what is committed; default: none",
    )
    transaction_wait_s: Annotated[Duration, Field(ge=0.001, le=30)] = Field(
        default=0.1, alias="transaction_wait", description="a transaction that has not filled is committed after this"
    )
    delivery_timeout_s: Annotated[Duration, Field(ge=1)] = Field(
        default=120.0, alias="delivery_timeout", description="delivery.timeout.ms: then the message's fate is unknown"
    )
    commit: Literal["settled", "received"] | None = Field(
        default=None,
        description="which offsets a consumer commits, every 100 ms: of settled messages, or of all it received;"
        " default: as promised",
    )
    fetch_wait_s: Duration = Field(
        default=0.5, alias="fetch_wait", description="fetch.max.wait.ms: how long an empty fetch waits for a message"
    )
    fetch_partition_bytes: Size = Field(
        default=2**20, alias="fetch_partition", description="max.partition.fetch.bytes: the most one fetch brings"
    )
    fetch_ahead: Count = Field(
        default=100_000, description="queued.min.messages, confluent only: messages fetched before they are asked for"
    )
    session_timeout_s: Annotated[Duration, Field(ge=6, le=1800)] = Field(
        default=6.0,
        alias="session_timeout",
        description="session.timeout.ms: after this a silent consumer's partitions go to others (Kafka's own: 45s)",
    )
    heartbeat_s: Annotated[Duration, Field(ge=0.05)] = Field(
        default=0.2,
        alias="heartbeat",
        description="heartbeat.interval.ms: how soon members learn of a rebalance (Kafka's own: 3s)",
    )
    replication: Annotated[Count, Field(le=9)] | None = Field(
        default=None, description="replicas of each partition; default: 3 on three nodes or more, else 1"
    )
    flush_messages: Count | None = Field(
        default=None, description="flush.messages of the topic: flush to disk after so many; default: as promised"
    )
    max_message_bytes: Size = Field(
        default=MAX_MESSAGE_BYTES,
        alias="max_message",
        description="max.message.bytes: raised where messages are larger",
    )
    heap_mib: Annotated[Count, Field(ge=128, le=65536)] | None = Field(
        default=None,
        description="the heap of each node of ours, MiB (-Xmx); default: 1024, and 512 where several share the machine",
    )
    tls: bool = Field(
        default=False, description="a server of ours listens with TLS, with certificates made for the run"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.idempotence and self.acks not in (None, "all"):
            raise ValueError(f"idempotence needs acks: all; found acks: {self.acks}: leave one of the two out")
        if self.transactions and (self.idempotence is False or self.acks not in (None, "all")):
            raise ValueError("transactions need acks: all with idempotence; leave acks and idempotence out")
        if self.heartbeat_s * 2 > self.session_timeout_s:
            raise ValueError("heartbeat must be at most half of session_timeout")
        return self

    @property
    def replicas(self) -> int:
        return self.replication or 1

    @property
    def min_insync(self) -> int:
        """A majority's worth: one replica may be missing."""
        return max(1, self.replicas - 1)

    @property
    def isolation(self) -> str:
        """What consumers read; the libraries' own defaults differ."""
        return "read_committed" if self.transactions else "read_uncommitted"

    def topic_config(self) -> dict[str, str]:
        """What the topic is created with; the broker's own values apply to the rest."""
        config = {"max.message.bytes": str(self.max_message_bytes), "min.insync.replicas": str(self.min_insync)}
        if self.flush_messages is not None:
            config["flush.messages"] = str(self.flush_messages)
        return config
