"""Which queues and exchange a destination becomes, by name."""

from collections.abc import Mapping
from typing import Any

from brokerbench.contract import BadTarget, Destination, Endpoints, Session

from .settings import Settings

__all__ = [
    "HA_ALL",
    "HA_PATTERN",
    "arguments",
    "connection_name",
    "dead_of",
    "endpoints_of",
    "exchange_type",
    "names_of",
    "one_lane",
    "reading",
]

# The policy that most guides to mirrored queues set.
HA_ALL = "ha-all"
HA_PATTERN = r"^ha\."


def exchange_type(settings: Settings, destination: Destination) -> str:
    one = settings.is_stream or len(destination.groups) == 1
    return settings.exchange or ("default" if one else "fanout")


def endpoints_of(address: Mapping[str, Any], settings: Settings, destination: Destination) -> Endpoints:
    """A queue for each group, or a stream for all; one routing key reaches all of them."""
    name = f"ha.{destination.name}" if settings.mirrored else destination.name
    exchange = "" if exchange_type(settings, destination) == "default" else name
    queues = {group: name if settings.is_stream else f"{name}.{group}" for group in destination.groups}
    return Endpoints(
        address=address,
        destination=destination.name,
        groups=queues,
        extra={
            "exchange": exchange,
            "routing_key": exchange or next(iter(queues.values()), name),
            "dead_letters": {group: f"{queues[group]}.dead" for group in destination.dead_letters},
        },
    )


def dead_of(endpoints: Endpoints) -> Mapping[str, str]:
    """Queue -> the one for what is rejected of it."""
    return {endpoints.groups[group]: dead for group, dead in endpoints.extra["dead_letters"].items()}


def names_of(endpoints: Endpoints) -> list[str]:
    """Each queue once: the groups of a stream share it."""
    return list(dict.fromkeys(endpoints.groups.values()))


def arguments(settings: Settings, dead_letters: str | None = None) -> dict[str, Any]:
    """Of a queue's declaration; `dead_letters` is the queue for what is rejected."""
    given = {
        "x-dead-letter-exchange": None if dead_letters is None else "",  # the default exchange: straight to the queue
        "x-dead-letter-routing-key": dead_letters,
        "x-queue-type": settings.queue_type,
        "x-max-length": settings.max_length,
        "x-max-length-bytes": settings.max_length_bytes,
        "x-overflow": settings.overflow if settings.limited else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def reading(settings: Settings) -> dict[str, Any]:
    """Arguments of a consumer over AMQP."""
    return {"x-stream-offset": settings.offset} if settings.is_stream else {}


def connection_name(session: Session) -> str:
    """As the management API lists it."""
    role = f"{session.group}-{session.index}" if session.group else f"producer-{session.index}"
    return f"{session.endpoints.destination} {role}"


def one_lane(client: str, lanes: int) -> None:
    if lanes != 1:
        raise BadTarget(
            f"the {client} client has one lane a process, asked were {lanes}: use more producers or consumers"
        )
