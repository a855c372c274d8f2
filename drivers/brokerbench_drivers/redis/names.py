"""What the parts of a destination are called on a server."""

import re
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import Destination, Endpoints

__all__ = ["alive_key", "client_name", "endpoints_of", "held_key", "members_key"]


def endpoints_of(address: Mapping[str, Any], destination: Destination) -> Endpoints:
    return Endpoints(address, destination.name, {group: group for group in destination.groups})


def members_key(key: str) -> str:
    """Of a list: the set of all consumers it ever had."""
    return f"{key}:members"


def held_key(key: str, member: str) -> str:
    """Of a list: what this consumer has taken and not settled."""
    return f"{key}:held:{member}"


def alive_key(key: str, member: str) -> str:
    """Of a list: there as long as this consumer says so."""
    return f"{key}:alive:{member}"


def client_name(text: str) -> str:
    """CLIENT SETNAME takes no blanks."""
    return re.sub(r"[^!-~]", "-", text)
