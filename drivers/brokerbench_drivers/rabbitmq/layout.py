"""Which queues and exchange a destination becomes, by name."""

from collections.abc import Mapping
from typing import Any

from brokerbench.contract import Destination, Endpoints

from .settings import Settings

__all__ = ["endpoints_of", "exchange_type"]


def exchange_type(settings: Settings, destination: Destination) -> str:
    return settings.exchange or ("default" if len(destination.groups) == 1 else "fanout")


def endpoints_of(address: Mapping[str, Any], settings: Settings, destination: Destination) -> Endpoints:
    """A queue for each group; one routing key reaches all of them."""
    exchange = "" if exchange_type(settings, destination) == "default" else destination.name
    queues = {group: f"{destination.name}.{group}" for group in destination.groups}
    return Endpoints(
        address=address,
        destination=destination.name,
        groups=queues,
        extra={"exchange": exchange, "routing_key": exchange or next(iter(queues.values()))},
    )
