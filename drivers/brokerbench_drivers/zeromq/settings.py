"""What can be set for ZeroMQ."""

from typing import Literal

from pydantic import Field

from brokerbench.model import Count, Frozen

__all__ = ["Settings"]


class Settings(Frozen):
    pattern: Literal["push-pull", "pub-sub", "queue", "forwarder"] = Field(
        default="push-pull",
        description="push-pull: one group shares the messages; pub-sub: each group gets all of them; queue and"
        " forwarder: the same with a device of ours between the clients, ROUTER and DEALER or XSUB and XPUB",
    )
    transport: Literal["tcp", "ipc"] = Field(default="tcp", description="tcp on 127.0.0.1, or a unix domain socket")
    hwm: Count = Field(
        default=1000,
        description="messages queued for each connection and side; when full, pub drops, push takes no more",
    )

    @property
    def brokered(self) -> bool:
        """A device stands between the clients, and all of them connect to it."""
        return self.pattern in ("queue", "forwarder")

    @property
    def shared(self) -> bool:
        """One group shares the messages; otherwise each consumer gets all of them."""
        return self.pattern in ("push-pull", "queue")
