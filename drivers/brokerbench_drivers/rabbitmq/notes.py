"""How the scenario's words were mapped, a line for each, as the plan prints them."""

from collections.abc import Iterator

from brokerbench.model import Delivery, Scenario

from .settings import Settings

__all__ = ["notes"]


def notes(used: Settings, delivery: Delivery, scenario: Scenario, nodes: int) -> Iterator[str]:
    topology, groups = scenario.topology, len(scenario.topology.groups)
    through = "the default exchange" if used.exchange == "default" else f"a {used.exchange} exchange"
    if used.is_stream:
        yield f"groups: {groups} -> one stream behind {through}, which each of them reads"
        yield f"offset: {used.offset} -> {_OFFSET[used.offset or 'first']}"
    else:
        yield f"groups: {groups} -> {groups} durable {used.queue_type} queue{'s' * (groups > 1)} behind {through}"
    if topology.partitions > 1:
        yield f"partitions: {topology.partitions} -> ignored: a queue has no partitions"
    if scenario.message.keys is not None:
        yield "keys -> ignored: a queue keeps one order for all keys"
    yield from _copies(used, nodes)
    for name, group in scenario.topology.groups.items():
        if group.dead_letter:
            yield f"dead_letter of {name} -> a {used.queue_type} queue of its own, through the default exchange"
    if used.limited:
        yield f"a full queue -> {used.overflow}: {_OVERFLOW[used.overflow or 'drop-head']}"
    if used.confirms:
        mandatory = "" if used.is_stream else ", published as mandatory"
        yield f"in_flight: {delivery.in_flight} -> unconfirmed messages of each producer{mandatory}"
    else:
        yield "in_flight -> no confirms: what the socket takes"
    if used.is_stream:
        yield "prefetch -> basic.qos per consumer; client rstream: as many wait before the next chunks are asked for"
    else:
        yield "prefetch -> ignored: auto-ack has no limit" if used.auto_ack else "prefetch -> basic.qos per consumer"


_OFFSET = {
    "first": "a consumer that comes again reads all of the stream again",
    "next": "a consumer misses what came while it was away",
}
_OVERFLOW = {
    "drop-head": "the oldest messages are thrown away, read or not: they are lost",
    "reject-publish": "a new message is refused, and counted as refused",
}


def _copies(used: Settings, nodes: int) -> Iterator[str]:
    members = f"{nodes} members, one on each node" if nodes > 1 else "one member, on one node"
    if used.is_stream:
        yield f"stream -> {members}; confirmed once written by a majority, unflushed"
    elif used.queue_type == "quorum":
        yield f"quorum -> {members}; every message is written and flushed by a majority"
        # Raft's table of names (names.dets) is written late: seen with 3.10.8, killed 2 s after a declaration.
        yield "quorum -> a queue outlives a kill once it is some 4 s old: inject faults later than that"
        yield "quorum -> RabbitMQ 4 drops a message that was given back more than 20 times"
    else:
        yield f"messages -> {'persistent' if used.persistent else 'transient'}"
        if used.mirrored:
            yield f"mirrored -> policy ha-all, {nodes} cop{'ies' if nodes > 1 else 'y'}; confirmed once each has it"
