"""What can be set for Redis and Valkey. What is left out (None) the promise fills in, to meet what is asked."""

from typing import Annotated, Literal

from pydantic import Field

from brokerbench.model import Count, Duration, Frozen

__all__ = ["APPENDFSYNC_ORDER", "Settings"]

APPENDFSYNC_ORDER = ("none", "no", "everysec", "always")  # from the weakest; none: no append-only file at all


class Settings(Frozen):
    product: Literal["valkey", "redis"] | None = Field(
        default=None, description="which of the two a server of ours is; none: whichever is found first"
    )
    structure: Literal["stream", "list"] = Field(
        default="stream", description="stream: XADD and consumer groups; list: LPUSH, taken from the other end"
    )
    appendfsync: Literal["none", "everysec", "always"] | None = Field(
        default=None,
        description="none: nothing on disk; else an append-only file, flushed so often; default: as the promise needs",
    )
    noack: bool | None = Field(
        default=None, description="a message is forgotten as it is delivered; default: where delivery is at-most-once"
    )
    claim_after_s: Annotated[Duration, Field(ge=0.1, le=3600)] = Field(
        default=30.0,
        alias="claim_after",
        description="an unsettled message of a dead consumer is taken over after this",
    )
    maxlen: Count | None = Field(
        default=None, description="stream: trimmed to about so many entries (MAXLEN ~), read or not; default: never"
    )
    tls: bool = Field(default=False, description="a server of ours listens with TLS, with a CA made for the run")
