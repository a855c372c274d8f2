"""Which Kafka settings keep what a scenario asks."""

from typing import Any

from brokerbench.contract import CannotPromise
from brokerbench.model import SURVIVES_ORDER, Delivery, Guarantee, Message, Promise, PromisePoint, Scenario, Survives

from .codecs import PYTHON, missing_codec
from .headers import HEADER_BYTES
from .settings import Settings

__all__ = ["promise"]

_RECORD_OVERHEAD = 1024  # batch header and the longest key, with room to spare


def promise(settings: Settings, delivery: Delivery, scenario: Scenario, nodes: int) -> Promise:
    """All defaults filled in. Raises CannotPromise."""
    _codec_is_here(settings, scenario)
    chosen = _filled(settings, delivery, scenario, nodes)
    if chosen.replicas > nodes:
        raise CannotPromise(
            f"kafka keeps {chosen.replicas} replicas on as many nodes, and has {nodes}: use replication: {nodes}, or"
            f" server: {{nodes: {chosen.replicas}}} (beside a url: how many its cluster has)"
        )
    gives = _survives(chosen)
    if SURVIVES_ORDER.index(delivery.survives) > SURVIVES_ORDER.index(gives):
        raise CannotPromise(
            f"kafka survives {gives.value} with these settings, not {delivery.survives.value}:"
            f" {_what_would(delivery, chosen)}"
        )
    confirmed = chosen.acks != 0
    if delivery.guarantee is Guarantee.AT_LEAST_ONCE and not confirmed:
        raise CannotPromise("kafka confirms nothing with acks: 0; leave acks out, or use guarantee: at-most-once")
    if delivery.guarantee is Guarantee.AT_LEAST_ONCE and chosen.commit == "received":
        raise CannotPromise(
            "kafka loses what a dying consumer had received with commit: received;"
            " leave commit out, or use guarantee: at-most-once"
        )
    return Promise(
        Guarantee.AT_LEAST_ONCE if confirmed and chosen.commit == "settled" else Guarantee.AT_MOST_ONCE,
        gives,
        PromisePoint.CONFIRMED if confirmed else PromisePoint.HANDED_OVER,
        chosen.model_dump(mode="json"),
        _notes(chosen, scenario),
    )


def _codec_is_here(settings: Settings, scenario: Scenario) -> None:
    """librdkafka brings every codec, kafka-python none but gzip."""
    asking = (broker for broker in scenario.brokers.values() if broker.driver == "kafka" and broker.client == PYTHON)
    if any(Settings.from_base(broker.settings) == settings for broker in asking) and (
        why := missing_codec(settings.compression)
    ):
        raise CannotPromise(f"{why}, or use compression: gzip, or client: confluent")


def _filled(settings: Settings, delivery: Delivery, scenario: Scenario, nodes: int) -> Settings:
    at_most_once = delivery.guarantee is Guarantee.AT_MOST_ONCE
    careful = settings.idempotence or settings.transactions
    acks = settings.acks
    if acks is None:
        acks = 0 if at_most_once and delivery.survives is Survives.NOTHING and not careful else "all"
    replication = settings.replication or (3 if nodes >= 3 else 1)
    flush = settings.flush_messages
    if flush is None and delivery.survives is Survives.POWER_LOSS and replication < 3:
        flush = 1
    chosen: dict[str, Any] = {
        "acks": acks,
        "idempotence": acks == "all" if settings.idempotence is None else settings.idempotence,
        "commit": settings.commit or ("received" if at_most_once else "settled"),
        # A transaction that waits for more than may be in flight would only ever be committed by its time.
        "transactions": settings.transactions and min(settings.transactions, delivery.in_flight),
        "replication": replication,
        "flush_messages": flush,
        "max_message_bytes": max(settings.max_message_bytes, _record_bytes(scenario.message)),
    }
    return settings.model_copy(update=chosen)


def _record_bytes(message: Message) -> int:
    """At most, with all that is around a body."""
    around = HEADER_BYTES * len(message.headers or {}) + message.headers_bytes
    return message.largest_bytes + around + _RECORD_OVERHEAD


def _survives(settings: Settings) -> Survives:
    if settings.acks == 0:
        return Survives.NOTHING
    if settings.acks == "all" and settings.replicas >= 3:
        return Survives.NODE_LOSS
    if settings.acks == 1 and settings.replicas > 1:
        return Survives.CLIENT_CRASH  # a follower that lacks the message may become the leader
    return Survives.POWER_LOSS if settings.flush_messages == 1 else Survives.BROKER_KILL


def _what_would(delivery: Delivery, settings: Settings) -> str:
    if settings.acks == 0:
        return "use acks: all"
    if delivery.survives is Survives.NODE_LOSS:
        return "use acks: all and replication: 3 on three nodes, server: {nodes: 3}"
    if settings.acks == 1 and settings.replicas > 1:
        return "use acks: all"
    return "use flush_messages: 1, or leave it out"


def _notes(settings: Settings, scenario: Scenario) -> tuple[str, ...]:
    topology = scenario.topology
    notes = [f"topic -> topic of {topology.partitions} partition{'s' * (topology.partitions > 1)}"]
    if idle := {name: g.consumers for name, g in topology.groups.items() if g.consumers > topology.partitions}:
        notes += [f"group {name}: {n} consumers, {topology.partitions} with a partition" for name, n in idle.items()]
    notes.append(
        "group -> consumer group (range assignment); prefetch has no counterpart, fetch sizes bound what waits"
    )
    if scenario.message.keys is not None:
        notes.append("keys -> partitions by murmur2, as Java clients do")
    if settings.acks == "all" and settings.replicas >= 3 and settings.flush_messages != 1:
        notes.append("unflushed replicas outlive a node and its power, not the power of all nodes at once")
    if settings.acks == 0:
        notes.append("acks 0: handed over when the client took it; in_flight is bounded by the client's queue")
    else:
        durable = (
            "flushed before it is confirmed" if settings.flush_messages == 1 else "in the page cache when confirmed"
        )
        notes.append(f"acks {settings.acks}: {durable}")
    notes.append(
        f"idempotence {'on' if settings.idempotence else 'off'}: "
        + ("retries neither duplicate nor reorder" if settings.idempotence else "a retry may duplicate or reorder")
        if settings.acks != 0
        else "no retries"
    )
    if settings.replicas > 1:
        notes.append(
            f"{settings.replicas} replicas, confirmed once all in sync have it, at least {settings.min_insync}"
        )
    if settings.transactions:
        notes.append(
            f"transactions of {settings.transactions} messages, or what came in {settings.transaction_wait_s * 1000:g}"
            " ms: confirmed once committed; the producer takes nothing while it commits"
        )
        if settings.replicas == 1:
            # Seen with 4.3.1: it comes up before it has registered again, finds no leader to write the end to, and
            # takes the topic for deleted.
            notes.append(
                "killed in the instant after a commit, a single copy may come up without that transaction's end:"
                " readers of what is committed stop before it"
            )
    if settings.compression != "none":
        notes.append(f"compression {settings.compression}, by the producer; the broker stores it as it comes")
    notes.append(
        f"linger {settings.linger_s * 1000:g} ms, batch {settings.batch_bytes} B, 5 requests in flight for both clients"
        " (own defaults: confluent 5 ms, 1000000 B; kafka-python 0 ms, 16384 B)"
    )
    return tuple(notes)
