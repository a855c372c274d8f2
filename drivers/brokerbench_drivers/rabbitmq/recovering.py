"""Streams are there again a little later than their node, or than another leader: some 0.3 s, seen with 3.10.8."""

import time
from collections.abc import Callable
from typing import TypeVar

from brokerbench.contract import BadTarget

__all__ = ["when_recovered"]

RECOVERING = (
    *("is down or inaccessible", "does not have a running local replica"),  # over AMQP
    *("StreamNotAvailable", "StreamDoesNotExist"),  # over the stream protocol
)
RECOVERY_S = 15.0
LOOK_AGAIN_S = 0.1

T = TypeVar("T")


def when_recovered(consume: Callable[[], T], reopen: Callable[[], None]) -> T:
    """The consumer, once its stream is there; a refusal has cost the connection. Raises BadTarget."""
    deadline = time.monotonic() + RECOVERY_S
    while True:
        try:
            return consume()
        except BadTarget as error:
            if time.monotonic() > deadline or not any(words in str(error) for words in RECOVERING):
                raise
        time.sleep(LOOK_AGAIN_S)
        reopen()
