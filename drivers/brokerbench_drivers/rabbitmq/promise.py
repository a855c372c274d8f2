"""How the scenario's words become queues, exchanges, confirms and acknowledgements, and what that promises.

Sources: rabbitmq.com/docs/confirms (a persistent message is confirmed once it is on disk, or was consumed and
acknowledged) and rabbitmq.com/blog/2025/01/17/how-are-the-messages-stored (quorum queues fsync before they
confirm, classic queues do not). Traced on 3.10.8: one fsync a confirm on a classic queue too, so that held only
later; a promise is made before the server's version is known, so a classic queue's outlives the process, which a
kill ends, and not the machine's power.
"""

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import SURVIVES_ORDER, Delivery, Guarantee, Promise, PromisePoint, Scenario, Survives

from .settings import Settings

__all__ = ["features", "promise"]


def features(settings: Settings) -> frozenset[Feature]:
    """What these settings can give; `None` can still become what the promise needs."""
    given = {Feature.GROUPS, Feature.COMPETING, Feature.ORDER, Feature.COUNTERS}
    if settings.confirms is not False:
        given.add(Feature.CONFIRMS)
        if settings.queue_type == "quorum" or settings.persistent is not False:
            given.add(Feature.DURABLE)
    if settings.auto_ack is not True:
        given |= {Feature.SETTLE, Feature.REDELIVERED_FLAG}
    return frozenset(given)


def promise(settings: Settings, delivery: Delivery, scenario: Scenario) -> Promise:
    """Raises CannotPromise."""
    at_least_once = delivery.guarantee is Guarantee.AT_LEAST_ONCE
    confirms = at_least_once if settings.confirms is None else settings.confirms
    auto_ack = not at_least_once if settings.auto_ack is None else settings.auto_ack
    _can(settings, delivery, confirms=confirms, auto_ack=auto_ack)
    persistent = settings.persistent
    if persistent is None:
        persistent = settings.queue_type == "quorum" or _rank(delivery.survives) >= _rank(Survives.BROKER_KILL)
    groups = len(scenario.topology.groups)
    exchange = settings.exchange or ("default" if groups == 1 else "fanout")
    if exchange == "default" and groups > 1:
        raise CannotPromise(f"the default exchange reaches one queue, asked are {groups} groups: use exchange: fanout")
    used = settings.model_copy(
        update={"exchange": exchange, "persistent": persistent, "confirms": confirms, "auto_ack": auto_ack}
    )
    return Promise(
        guarantee=Guarantee.AT_MOST_ONCE if auto_ack or not confirms else Guarantee.AT_LEAST_ONCE,
        survives=_survives(used),
        point=PromisePoint.CONFIRMED if confirms else PromisePoint.HANDED_OVER,
        settings=used.model_dump(mode="json"),
        notes=tuple(_notes(used, delivery, scenario)),
    )


def _rank(survives: Survives) -> int:
    return SURVIVES_ORDER.index(survives)


def _can(settings: Settings, delivery: Delivery, *, confirms: bool, auto_ack: bool) -> None:
    """Refuse what these settings cannot give, saying what can."""
    asked = delivery.survives
    if delivery.guarantee is Guarantee.AT_LEAST_ONCE and not confirms:
        raise CannotPromise("at-least-once needs publisher confirms: leave confirms out, or ask at-most-once")
    if delivery.guarantee is Guarantee.AT_LEAST_ONCE and auto_ack:
        raise CannotPromise("at-least-once needs acknowledgements: leave auto_ack out, or ask at-most-once")
    if asked is Survives.NODE_LOSS:
        raise CannotPromise("one node cannot outlive its loss: use survives: power-loss with queue_type: quorum")
    if not confirms and asked is not Survives.NOTHING:
        raise CannotPromise(
            f"survives: {asked} needs publisher confirms: use guarantee: at-least-once, or survives: nothing"
        )
    if settings.queue_type == "quorum":
        return
    if asked is Survives.POWER_LOSS:
        raise CannotPromise(
            "a classic queue may confirm before fsync (RabbitMQ 4): use queue_type: quorum, or survives: broker-kill"
        )
    if asked is Survives.BROKER_KILL and settings.persistent is False:
        raise CannotPromise(
            "persistent: false is lost when the broker is killed: leave persistent out, or use survives: client-crash"
        )


def _survives(used: Settings) -> Survives:
    """The strongest class of a confirmed message, which may be more than was asked."""
    if not used.confirms:
        return Survives.NOTHING
    if used.queue_type == "quorum":
        return Survives.POWER_LOSS
    return Survives.BROKER_KILL if used.persistent else Survives.CLIENT_CRASH


def _notes(used: Settings, delivery: Delivery, scenario: Scenario) -> list[str]:
    topology = scenario.topology
    queues = f"{len(topology.groups)} durable {used.queue_type} queue{'s' if len(topology.groups) > 1 else ''}"
    through = "the default exchange" if used.exchange == "default" else f"a {used.exchange} exchange"
    notes = [f"groups: {len(topology.groups)} -> {queues} behind {through}"]
    if topology.partitions > 1:
        notes.append(f"partitions: {topology.partitions} -> ignored: a queue has no partitions")
    if scenario.message.keys is not None:
        notes.append("keys -> ignored: a queue keeps one order for all keys")
    if used.queue_type == "quorum":
        notes.append("quorum -> one member, on one node; every message is written and flushed")
        # Raft's table of names (names.dets) is written late: seen with 3.10.8, killed 2 s after a declaration.
        notes.append("quorum -> a queue outlives a kill once it is some 4 s old: inject faults later than that")
    else:
        notes.append(f"messages -> {'persistent' if used.persistent else 'transient'}")
    if used.confirms:
        notes.append(
            f"in_flight: {delivery.in_flight} -> unconfirmed messages of each producer, published as mandatory"
        )
    else:
        notes.append("in_flight -> no confirms: what the socket takes")
    notes.append(
        "prefetch -> ignored: auto-ack has no limit" if used.auto_ack else "prefetch -> basic.qos per consumer"
    )
    return notes
