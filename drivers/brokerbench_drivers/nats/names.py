"""What the parts of a destination are called on a NATS server."""

import re
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import Destination, Endpoints

__all__ = ["endpoints_of"]


def endpoints_of(address: Mapping[str, Any], mode: str, destination: Destination) -> Endpoints:
    stream = _name(destination.name)
    queues = {group: f"{stream}-{n}-{_name(group)}" for n, group in enumerate(destination.groups)}
    if mode == "core":
        return Endpoints(address, destination.name, queues)
    deliver = {group: f"_INBOX.bb.{queue}" for group, queue in queues.items()}
    return Endpoints(address, destination.name, queues, extra={"stream": stream, "deliver": deliver})


def _name(text: str) -> str:
    """Stream and consumer names carry no dots, blanks or wildcards."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)
