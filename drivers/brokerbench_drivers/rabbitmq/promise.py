"""How the scenario's words become queues, exchanges, confirms and acknowledgements, and what that promises.

Sources: rabbitmq.com/docs/confirms (a persistent message is confirmed once it is on disk, or was consumed and
acknowledged; a mirrored one once every mirror has it) and rabbitmq.com/blog/2025/01/17/how-are-the-messages-stored
(quorum queues fsync before they confirm, classic queues do not). Traced on 3.10.8: one fsync a confirm on a classic
queue too, so that held only later; a promise is made before the server's version is known, so a classic queue's
outlives the process, which a kill ends, and not the machine's power. rabbitmq.com/docs/streams, on data safety: a
stream confirms once a majority of its members has a message, and does not fsync.
"""

from typing import Any

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import SURVIVES_ORDER, Delivery, Guarantee, Promise, PromisePoint, Scenario, Survives
from brokerbench_drivers._headers import refuse_own

from .notes import notes
from .settings import Settings

__all__ = ["dead_letters", "features", "promise", "refusal"]

# Copies go to the queues of CC and BCC; the others are what plugins, dead letters and quorum queues write or act on.
_OWN = frozenset({"cc", "bcc", "x-death", "x-delay", "x-delivery-count", "x-acquired-count", "x-stream-filter-value"})
_MAJORITY = 3  # as few nodes as outlive the loss of one


def features(settings: Settings) -> frozenset[Feature]:
    """What these settings can give; `None` can still become what the promise needs."""
    given = {Feature.GROUPS, Feature.ORDER, Feature.COUNTERS}
    if not settings.is_stream:
        given |= {Feature.COMPETING, Feature.HEADERS}  # of a stream, not by all of its clients
    elif settings.offset != "next":
        given.add(Feature.REPLAY)
    if settings.confirms is not False:
        given.add(Feature.CONFIRMS)
        if _kept(settings) and not _drops(settings):
            given.add(Feature.DURABLE)
    if not settings.is_stream and settings.auto_ack is not True:
        given |= {Feature.SETTLE, Feature.REQUEUE, Feature.REDELIVERED_FLAG}
    return frozenset(given)


def promise(settings: Settings, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
    """Raises CannotPromise."""
    at_least_once = delivery.guarantee is Guarantee.AT_LEAST_ONCE
    groups = len(scenario.topology.groups)
    kept = settings.queue_type != "classic" or _rank(delivery.survives) >= _rank(Survives.BROKER_KILL)
    auto_ack = not at_least_once and not settings.is_stream
    filled: dict[str, Any] = {
        "exchange": settings.exchange or ("default" if groups == 1 or settings.is_stream else "fanout"),
        "persistent": kept if settings.persistent is None else settings.persistent,
        "confirms": at_least_once if settings.confirms is None else settings.confirms,
        "auto_ack": auto_ack if settings.auto_ack is None else settings.auto_ack,
    }
    if settings.limited:
        filled["overflow"] = settings.overflow or ("reject-publish" if at_least_once else "drop-head")
    if settings.is_stream:
        filled["offset"] = settings.offset or "first"
    used = settings.model_copy(update=filled)
    refuse_own(scenario.message, _OWN.__contains__, "RabbitMQ")
    _fits(used, scenario)
    _can(used, settings, delivery)
    if delivery.survives is Survives.NODE_LOSS:
        _outlives_a_node(used, nodes)
    once = used.auto_ack or not used.confirms or _drops(used) or used.offset == "next"
    return Promise(
        guarantee=Guarantee.AT_MOST_ONCE if once else Guarantee.AT_LEAST_ONCE,
        survives=_survives(used, delivery.survives, nodes),
        point=PromisePoint.CONFIRMED if used.confirms else PromisePoint.HANDED_OVER,
        settings=used.model_dump(mode="json"),
        notes=tuple(notes(used, delivery, scenario, nodes)),
    )


def dead_letters(settings: Settings) -> bool:
    """A queue that drops its head would put that there too."""
    return not settings.is_stream and not settings.auto_ack and not _drops(settings)


def refusal(settings: Settings) -> str:
    """Why rstream, which speaks the stream protocol alone, cannot do with these settings; empty where it can."""
    if not settings.is_stream:
        return f"rstream reads no {settings.queue_type} queue: use queue_type: stream, or client: pika"
    if settings.exchange not in (None, "default"):
        return "rstream publishes straight to its stream: leave exchange out, or use client: pika"
    return ""


def _rank(survives: Survives) -> int:
    return SURVIVES_ORDER.index(survives)


def _kept(settings: Settings) -> bool:
    return settings.queue_type != "classic" or settings.persistent is not False


def _drops(settings: Settings) -> bool:
    """A full queue throws away messages that nobody has read; so RabbitMQ does unless told otherwise."""
    return settings.limited and settings.overflow == "drop-head"


def _fits(used: Settings, scenario: Scenario) -> None:
    """Settings that have no meaning together, or none for this topology."""
    groups = scenario.topology.groups
    if used.exchange == "default" and len(groups) > 1 and not used.is_stream:
        raise CannotPromise(
            f"the default exchange reaches one queue, asked are {len(groups)} groups: use exchange: fanout"
        )
    if used.mirrored and used.queue_type != "classic":
        raise CannotPromise(f"mirrored is for classic queues, this is a {used.queue_type}: leave mirrored: true out")
    if used.overflow is not None and not used.limited:
        raise CannotPromise(f"overflow: {used.overflow} says what a full queue does: give max_length: 10k, say")
    if used.offset is not None and not used.is_stream:
        raise CannotPromise(f"offset: {used.offset} is for streams: use queue_type: stream, or leave offset out")
    if not used.is_stream:
        return
    if used.limited:
        raise CannotPromise("a stream is cut by whole segments, not at max_length: use queue_type: quorum or classic")
    if used.auto_ack:
        raise CannotPromise("consumers of a stream get more by acknowledging: leave auto_ack: true out")
    for name, group in groups.items():
        if group.consumers > 1:
            raise CannotPromise(
                f"each consumer of a stream reads all of it, and group {name} has {group.consumers}:"
                " use consumers: 1, or queue_type: quorum"
            )


def _can(used: Settings, settings: Settings, delivery: Delivery) -> None:
    """Refuse what these settings cannot give, saying what can."""
    asked = delivery.survives
    if delivery.guarantee is Guarantee.AT_LEAST_ONCE:
        if not used.confirms:
            raise CannotPromise(
                "at-least-once needs publisher confirms: leave confirms out, or ask guarantee: at-most-once"
            )
        if used.auto_ack:
            raise CannotPromise(
                "at-least-once needs acknowledgements: leave auto_ack out, or ask guarantee: at-most-once"
            )
        if used.offset == "next":
            raise CannotPromise("offset: next skips what came while a consumer was away: use offset: first")
    if _drops(used) and (delivery.guarantee is Guarantee.AT_LEAST_ONCE or asked is not Survives.NOTHING):
        raise CannotPromise(
            "overflow: drop-head loses messages by request: use overflow: reject-publish,"
            " or ask guarantee: at-most-once with survives: nothing"
        )
    if not used.confirms and asked is not Survives.NOTHING:
        raise CannotPromise(
            f"survives: {asked} needs publisher confirms: use guarantee: at-least-once, or survives: nothing"
        )
    if asked is Survives.POWER_LOSS and used.queue_type != "quorum":
        why = "a stream confirms before fsync" if used.is_stream else "a classic queue may confirm before fsync"
        raise CannotPromise(f"{why} (RabbitMQ 4): use queue_type: quorum, or survives: broker-kill")
    if _rank(asked) >= _rank(Survives.BROKER_KILL) and used.queue_type == "classic" and settings.persistent is False:
        raise CannotPromise(
            "persistent: false is lost when the broker is killed: leave persistent out, or use survives: client-crash"
        )


def _outlives_a_node(used: Settings, nodes: int) -> None:
    """Refuse where the loss of one node takes messages, or the queue itself, away."""
    if used.queue_type == "classic":
        if not used.mirrored:
            raise CannotPromise(
                "a classic queue lives on one node: use queue_type: quorum with server: {nodes: 3}"
                " (or, on RabbitMQ 3, mirrored: true)"
            )
        if nodes < 2:
            raise CannotPromise("one node has no mirror: use server: {nodes: 2}, or survives: broker-kill")
    elif nodes < _MAJORITY:
        weaker = Survives.POWER_LOSS if used.queue_type == "quorum" else Survives.BROKER_KILL
        what = f"a {used.queue_type}{'' if used.is_stream else ' queue'}"
        raise CannotPromise(
            f"{what} of {nodes} member{'s' if nodes > 1 else ''} tolerates no loss:"
            f" use server: {{nodes: {_MAJORITY}}}, or survives: {weaker}"
        )


def _survives(used: Settings, asked: Survives, nodes: int) -> Survives:
    """The strongest class of a confirmed message, which may be more than was asked."""
    if not used.confirms or _drops(used):
        return Survives.NOTHING
    if used.queue_type == "quorum":
        return Survives.NODE_LOSS if nodes >= _MAJORITY else Survives.POWER_LOSS
    if asked is Survives.NODE_LOSS:  # by its copies alone: all of them are lost with the power, so else it is not said
        return Survives.NODE_LOSS
    return Survives.BROKER_KILL if _kept(used) else Survives.CLIENT_CRASH
