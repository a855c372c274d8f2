"""What a scenario may set for a RabbitMQ candidate. `None` means: as the promise needs; `promise` fills it in."""

from typing import Literal

from pydantic import Field

from brokerbench.model import Count, Frozen, Size

__all__ = ["Settings"]


class Settings(Frozen):
    queue_type: Literal["classic", "quorum", "stream"] = Field(
        default="classic",
        description="x-queue-type: a queue for each group, or one stream that all of them read; always durable",
    )
    exchange: Literal["default", "direct", "fanout"] | None = Field(
        default=None, description="none: the default exchange for one group, a fanout exchange for several"
    )
    persistent: bool | None = Field(
        default=None, description="delivery mode 2 of every message; none: where it must survive the broker"
    )
    confirms: bool | None = Field(default=None, description="publisher confirms; none: where delivery is at-least-once")
    auto_ack: bool | None = Field(
        default=None, description="the broker forgets a message as it sends it; none: where delivery is at-most-once"
    )
    mirrored: bool = Field(
        default=False,
        description="RabbitMQ 3, classic: queues are named ha.* and the policy ha-all copies them to every node",
    )
    max_length: Count | None = Field(default=None, description="x-max-length of each queue; none: no limit")
    max_length_bytes: Size | None = Field(default=None, description="x-max-length-bytes of each queue; none: no limit")
    overflow: Literal["drop-head", "reject-publish"] | None = Field(
        default=None, description="what a full queue does; none: reject-publish where delivery is at-least-once"
    )
    offset: Literal["first", "next"] | None = Field(
        default=None, description="stream: where a consumer begins; none: first, and again when it comes again"
    )
    tls: bool = Field(default=False, description="a server of ours listens with TLS, with a CA made for the run")
    vhost: str | None = Field(default=None, min_length=1, description="none: that of the url, else /")

    @property
    def is_stream(self) -> bool:
        return self.queue_type == "stream"

    @property
    def limited(self) -> bool:
        return self.max_length is not None or self.max_length_bytes is not None
