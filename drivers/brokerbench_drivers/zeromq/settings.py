"""What can be set for ZeroMQ."""

from typing import Literal

from pydantic import Field

from brokerbench.model import Count, Frozen

__all__ = ["Settings"]


class Settings(Frozen):
    pattern: Literal["push-pull", "pub-sub"] = Field(
        default="push-pull",
        description="push-pull: one group shares the messages; pub-sub: each group gets all of them",
    )
    transport: Literal["tcp", "ipc"] = Field(default="tcp", description="tcp on 127.0.0.1, or a unix domain socket")
    hwm: Count = Field(
        default=1000,
        description="messages queued for each connection and side; when full, pub drops, push takes no more",
    )
