"""Members of one group that live in one process.

A member joins only once the others have taken part in the rebalance, which their libraries do while they are polled.
So who waits to join, polls its peers of the same process; what they receive meanwhile they keep for their own caller.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakSet

__all__ = ["Peer", "peers_of"]


class Peer(Protocol):
    def serve(self) -> None:
        """Take part in the group's life without waiting; keep what arrives."""


_GROUPS: dict[str, "WeakSet[Peer]"] = {}


@contextmanager
def peers_of(group: str, joining: Peer) -> Iterator[list[Peer]]:
    """The members already there; the one that joins is counted in at once, and out again if it fails."""
    members = _GROUPS.setdefault(group, WeakSet())
    others = list(members)
    members.add(joining)
    try:
        yield others
    except BaseException:
        members.discard(joining)
        raise
