"""What can be set for MQTT. What is left out (None) the promise fills in."""

from typing import Literal

from pydantic import Field

from brokerbench.model import Frozen

__all__ = ["MOST_IN_FLIGHT", "Settings"]

MOST_IN_FLIGHT = 65_535  # packet identifiers


class Settings(Frozen):
    protocol: Literal["5", "3.1.1"] = Field(default="5", description="the protocol's version")
    qos: Literal[0, 1, 2] | None = Field(
        default=None,
        description="of publishing and of subscribing; none: 1 where delivery is at-least-once, else 0",
    )
    tls: bool = Field(
        default=False, description="a server of ours listens with TLS, with certificates made for the run"
    )
