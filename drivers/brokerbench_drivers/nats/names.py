"""What the parts of a destination are called on a NATS server."""

import re
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import Destination, Endpoints

__all__ = ["endpoints_of", "wire_bytes"]


def endpoints_of(address: Mapping[str, Any], mode: str, destination: Destination) -> Endpoints:
    stream = _name(destination.name)
    queues = {group: f"{stream}-{n}-{_name(group)}" for n, group in enumerate(destination.groups)}
    if mode == "core":
        return Endpoints(address, destination.name, queues)
    deliver = {group: f"_INBOX.bb.{queue}" for group, queue in queues.items()}
    return Endpoints(address, destination.name, queues, extra={"stream": stream, "deliver": deliver})


def wire_bytes(headers: Mapping[str, str]) -> int:
    """What a message's headers add to it: max_payload is for both. A line of the version, one each, an empty one."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return sum(len(line) + 2 for line in ["NATS/1.0", *lines, ""]) if lines else 0


def _name(text: str) -> str:
    """Stream and consumer names carry no dots, blanks or wildcards."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)
