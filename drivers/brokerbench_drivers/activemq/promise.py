"""How the scenario's words become STOMP headers, queues and journal settings, and what that promises.

Read in the brokers' sources. Artemis answers a SEND when its journal has completed the write, and that is flushed
where journal-datasync is on. Classic waits for KahaDB's write only where enableJournalDiskSyncs is on: without it, a
RECEIPT may be sent while the message is in the process's memory. NACK is an acknowledgement on Artemis, a way to the
dead-letter queue on Classic; neither gives a message back to its queue, as AMQP 1.0 can.
"""

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import SURVIVES_ORDER, Delivery, Guarantee, Promise, PromisePoint, Scenario, Survives
from brokerbench_drivers._headers import refuse_own

from .settings import Settings

__all__ = ["features", "promise"]

# Of a SEND and of a MESSAGE, in STOMP 1.2 and by both brokers.
_WORDS = frozenset(
    {
        *("ack", "content-length", "content-type", "correlation-id", "destination", "destination-type", "expires"),
        *("id", "message-id", "persistent", "priority", "receipt", "redelivered", "reply-to", "selector"),
        *("subscription", "timestamp", "transaction", "type"),
    }
)
_OVER_AMQP = "; client proton: unsettled transfers, and no more than the broker's credit"
_ALWAYS = frozenset(
    {Feature.GROUPS, Feature.COMPETING, Feature.ORDER, Feature.ORDER_PER_KEY, Feature.HEADERS, Feature.COUNTERS}
)


def features(settings: Settings) -> frozenset[Feature]:
    """What these settings can give; `None` can still become what the promise needs."""
    given = set(_ALWAYS)
    if settings.confirms is not False:
        given.add(Feature.CONFIRMS)
        if _strongest(settings) >= _rank(Survives.BROKER_KILL):
            given.add(Feature.DURABLE)
    if settings.ack != "auto":
        given.add(Feature.SETTLE)
        if settings.product == "classic":  # of several that a dead consumer held, Artemis 2.44 flags the first only
            given.add(Feature.REDELIVERED_FLAG)
    return frozenset(given)


def promise(settings: Settings, delivery: Delivery, scenario: Scenario, nodes: int) -> Promise:
    """Raises CannotPromise."""
    refuse_own(scenario.message, _ours, "ActiveMQ")
    at_least_once = delivery.guarantee is Guarantee.AT_LEAST_ONCE
    confirms = at_least_once if settings.confirms is None else settings.confirms
    ack = settings.ack or ("individual" if at_least_once else "auto")
    _can(settings, delivery, confirms=confirms, ack=ack, nodes=nodes)
    durable = _rank(delivery.survives) >= _rank(Survives.BROKER_KILL)
    persistent = durable if settings.persistent is None else settings.persistent
    sync = settings.journal_sync or ("always" if durable else None)
    used = settings.model_copy(
        update={"persistent": persistent, "confirms": confirms, "ack": ack, "journal_sync": sync}
    )
    return Promise(
        guarantee=Guarantee.AT_LEAST_ONCE if confirms and ack != "auto" else Guarantee.AT_MOST_ONCE,
        survives=_survives(used),
        point=PromisePoint.CONFIRMED if confirms else PromisePoint.HANDED_OVER,
        settings=used.model_dump(mode="json"),
        notes=tuple(_notes(used, delivery, scenario)),
    )


def _ours(name: str) -> bool:
    return name in _WORDS or name.startswith(("jms", "amq", "activemq"))


def _rank(survives: Survives) -> int:
    return SURVIVES_ORDER.index(survives)


def _strongest(settings: Settings) -> int:
    """What a confirmed message outlives at most, with what is left open chosen for it."""
    if settings.persistent is False:
        return _rank(Survives.CLIENT_CRASH)
    if settings.journal_sync == "never":
        return _rank(Survives.BROKER_KILL if settings.product == "artemis" else Survives.CLIENT_CRASH)
    return _rank(Survives.POWER_LOSS)


def _can(settings: Settings, delivery: Delivery, *, confirms: bool, ack: str, nodes: int) -> None:
    """Refuse what these settings cannot give, saying what can."""
    asked = delivery.survives
    if nodes > 1:
        raise CannotPromise(f"ActiveMQ runs as one server here, asked are {nodes} nodes: use nodes: 1")
    if delivery.guarantee is Guarantee.AT_LEAST_ONCE and not confirms:
        raise CannotPromise("at-least-once needs receipts: leave confirms out, or use guarantee: at-most-once")
    if delivery.guarantee is Guarantee.AT_LEAST_ONCE and ack == "auto":
        raise CannotPromise("at-least-once needs acknowledgements: use ack: individual, or guarantee: at-most-once")
    if asked is Survives.NODE_LOSS:
        raise CannotPromise("one server cannot outlive its loss: use survives: power-loss")
    if not confirms and asked is not Survives.NOTHING:
        raise CannotPromise(f"survives: {asked} needs receipts: use guarantee: at-least-once, or survives: nothing")
    if _rank(asked) > _strongest(settings):
        weak = "persistent: false" if settings.persistent is False else "journal_sync: never"
        raise CannotPromise(
            f"with {weak} a message survives {SURVIVES_ORDER[_strongest(settings)]} at most:"
            f" leave it out, or use survives: {SURVIVES_ORDER[_strongest(settings)]}"
        )


def _survives(used: Settings) -> Survives:
    """Of a confirmed message. What nobody asked of the journal is not looked at, so it is not promised."""
    if not used.confirms:
        return Survives.NOTHING
    if used.persistent and used.journal_sync is None:
        return Survives.CLIENT_CRASH
    return SURVIVES_ORDER[_strongest(used)]


def _notes(used: Settings, delivery: Delivery, scenario: Scenario) -> list[str]:
    topology = scenario.topology
    groups = len(topology.groups)
    if groups == 1:
        notes = ["groups: 1 -> one queue"]
    elif used.product == "artemis":
        notes = [f"groups: {groups} -> a multicast address, a durable queue for each (address::queue)"]
    else:
        notes = [f"groups: {groups} -> a virtual topic, a queue for each (Consumer.*.VirtualTopic.*)"]
    if topology.partitions > 1:
        notes.append(f"partitions: {topology.partitions} -> ignored: a queue has no partitions")
    if scenario.message.keys is not None:
        notes.append("keys -> message groups (JMSXGroupID): each key goes to one consumer")
    notes.append(f"messages -> {'persistent' if used.persistent else 'non-persistent'}")
    if used.confirms:
        notes.append(f"in_flight: {delivery.in_flight} -> outstanding receipts of each producer{_OVER_AMQP}")
    else:
        notes.append("in_flight -> no receipts: what the socket takes")
    if used.product == "classic":
        notes.append("prefetch -> activemq.prefetchSize of each consumer; client proton: its link's credit")
    elif used.ack == "auto":
        notes.append("prefetch -> ignored: Artemis sends without limit where nothing is acknowledged")
    else:
        notes.append(
            "prefetch -> consumer-window-size: bytes of about that many messages of the scenario's size;"
            " client proton: its link's credit, in messages"
        )
    return notes
