"""What can be set for NATS. What is left out (None) the promise fills in, so that it can meet what is asked."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from brokerbench.model import Count, Duration, Frozen, Size

__all__ = ["LARGEST_MAX_PAYLOAD", "SERVER_MAX_PAYLOAD", "SERVER_SYNC_INTERVAL", "Settings"]

SERVER_SYNC_INTERVAL = "2m"
SERVER_MAX_PAYLOAD = 2**20
LARGEST_MAX_PAYLOAD = 64 * 2**20  # the server refuses to start with more


def _sync(text: str) -> str:
    if text != "always" and not re.fullmatch(r"[1-9][0-9]*(s|m|h)", text):
        raise ValueError(f"`always`, or how often the server flushes to disk, like 2m; found {text!r}")
    return text


class Settings(Frozen):
    mode: Literal["core", "jetstream"] = Field(
        default="jetstream",
        description="core: nothing is stored or confirmed; jetstream: a stream for each destination",
    )
    storage: Literal["file", "memory"] | None = Field(
        default=None, description="jetstream: where the stream lives; default file"
    )
    sync_interval: Annotated[str, AfterValidator(_sync)] | None = Field(
        default=None,
        description="jetstream, file: how often the server flushes to disk, `always`: before each confirm; default 2m",
    )
    replicas: Literal[1, 3, 5] | None = Field(
        default=None, description="jetstream: copies of the stream; default 3 on a cluster of three or more, else 1"
    )
    tls: bool = Field(
        default=False, description="a server of ours listens with TLS, with certificates made for the run"
    )
    ack_wait_s: Annotated[Duration, Field(ge=0.01, le=3600)] = Field(
        default=30.0, alias="ack_wait", description="jetstream: an unsettled message comes again after this"
    )
    fetch: Count | None = Field(
        default=None,
        description="jetstream: consumers pull, asking for so many messages at once; default: the server pushes",
    )
    max_ack_pending: dict[str, Count] = Field(
        default_factory=dict, description="jetstream, for each group: unsettled messages; default prefetch x consumers"
    )
    max_payload_bytes: Annotated[Size, Field(le=LARGEST_MAX_PAYLOAD)] | None = Field(
        default=None, alias="max_payload", description="the largest message the server takes; default 1MiB"
    )
