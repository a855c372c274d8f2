"""What a scenario may set for a RabbitMQ candidate. `None` means: as the promise needs; `promise` fills it in."""

from typing import Literal

from pydantic import Field

from brokerbench.model import Frozen

__all__ = ["Settings"]


class Settings(Frozen):
    queue_type: Literal["classic", "quorum"] = Field(
        default="classic", description="x-queue-type of every queue; always durable, never exclusive"
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
    vhost: str | None = Field(default=None, min_length=1, description="none: that of the url, else /")
