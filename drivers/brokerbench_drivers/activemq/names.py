"""What the parts of a destination are called on each product, and by which words STOMP and AMQP reach them.

One group: a queue. Several: Artemis has a multicast address with a durable queue for each group, which a consumer
names as address::queue; Classic has a virtual topic, which copies what it gets to the queue of each group.
"""

import re
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import Destination, Endpoints

from .settings import Product

__all__ = ["amqp_node", "endpoints_of", "is_topic", "queues_of", "subscribed"]


def endpoints_of(address: Mapping[str, Any], product: Product, destination: Destination) -> Endpoints:
    """`groups` are queues; `destination` is what producers send to."""
    name, several = destination.name, len(destination.groups) > 1
    parts = {group: f"{n}-{re.sub(r'[^A-Za-z0-9_-]', '-', group)}" for n, group in enumerate(destination.groups)}
    if product == "artemis":
        queues = {group: f"{name}-{part}" if several else name for group, part in parts.items()}
        return Endpoints(address, name, queues, extra={"destination-type": "MULTICAST" if several else "ANYCAST"})
    if several:
        topic = f"VirtualTopic.{name}"
        return Endpoints(address, f"/topic/{topic}", {group: f"Consumer.{p}.{topic}" for group, p in parts.items()})
    return Endpoints(address, f"/queue/{name}", dict.fromkeys(parts, name))


def is_topic(endpoints: Endpoints) -> bool:
    return len(endpoints.groups) > 1


def queues_of(endpoints: Endpoints) -> list[str]:
    return sorted(set(endpoints.groups.values()))


def subscribed(endpoints: Endpoints, product: Product, group: str) -> str:
    """The destination of a group's subscription."""
    queue = endpoints.groups[group]
    return f"{endpoints.destination}::{queue}" if product == "artemis" else f"/queue/{queue}"


def amqp_node(product: Product, name: str) -> str:
    """What STOMP calls `name`, as the address of an AMQP link: Classic has a scheme where STOMP has a path."""
    if product == "artemis":
        return name
    _, kind, rest = name.split("/", 2)
    return f"{kind}://{rest}"
