"""What the parts of a destination are called."""

from collections.abc import Mapping
from typing import Any

from brokerbench.contract import Destination, Endpoints

__all__ = ["endpoints_of", "filter_of", "session_of"]


def endpoints_of(address: Mapping[str, Any], destination: Destination) -> Endpoints:
    """A group's name also begins the client ids of its consumers."""
    groups = {group: f"{destination.name}.{n}.{group}" for n, group in enumerate(destination.groups)}
    return Endpoints(address, destination.name, groups, extra={"consumers": dict(destination.groups)})


def session_of(endpoints: Endpoints, group: str, index: int) -> str:
    """The client id of a consumer, which names its session."""
    return f"{endpoints.groups[group]}.{index}"


def filter_of(endpoints: Endpoints, group: str) -> str:
    return f"$share/{endpoints.groups[group]}/{endpoints.destination}"
