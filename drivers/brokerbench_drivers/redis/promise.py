"""How the scenario's words become structure, append-only file and acknowledgements, and what that promises.

Sources: redis.io/docs, persistence and streams; and what `flushAppendOnlyFile` and the write handler do, which is the
same in Redis and Valkey. Only with appendfsync always does the server hold a reply back until its command is flushed.
With everysec a slow flush postpones the writing of commands that are already answered by up to two seconds, and a
client slow to read may get a reply in the turn of the loop before its command is written: that is lost with the
process, not only with the machine's power.
"""

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import SURVIVES_ORDER, Delivery, Guarantee, Promise, PromisePoint, Scenario, Survives

from .settings import Settings

__all__ = ["features", "promise"]

_BOTH = frozenset({Feature.CONFIRMS, Feature.COMPETING, Feature.ORDER})
_STREAM = _BOTH | {Feature.GROUPS, Feature.REPLAY, Feature.HEADERS, Feature.COUNTERS}


def features(settings: Settings) -> frozenset[Feature]:
    """What these settings can give; `None` can still become what the promise needs."""
    given = set(_STREAM if settings.structure == "stream" else _BOTH)
    if settings.appendfsync in (None, "always") and settings.maxlen is None:
        given.add(Feature.DURABLE)
    if settings.noack is not True:
        given |= {Feature.SETTLE, Feature.REQUEUE}
        if settings.structure == "stream":
            given.add(Feature.REDELIVERED_FLAG)
    return frozenset(given)


def promise(settings: Settings, delivery: Delivery, scenario: Scenario, nodes: int) -> Promise:
    """Raises CannotPromise."""
    _can(settings, delivery, scenario, nodes)
    at_least_once = delivery.guarantee is Guarantee.AT_LEAST_ONCE
    strong = _rank(delivery.survives) >= _rank(Survives.BROKER_KILL)
    used = settings.model_copy(
        update={
            "appendfsync": settings.appendfsync or ("always" if strong else "none"),
            "noack": not at_least_once if settings.noack is None else settings.noack,
        }
    )
    gives_once = used.noack or used.maxlen is not None
    return Promise(
        guarantee=Guarantee.AT_MOST_ONCE if gives_once else Guarantee.AT_LEAST_ONCE,
        survives=_survives(used),
        point=PromisePoint.CONFIRMED,
        settings=used.model_dump(mode="json"),
        notes=tuple(_notes(used, scenario)),
    )


def _rank(survives: Survives) -> int:
    return SURVIVES_ORDER.index(survives)


def _survives(used: Settings) -> Survives:
    if used.maxlen is not None:
        return Survives.NOTHING
    return Survives.POWER_LOSS if used.appendfsync == "always" else Survives.CLIENT_CRASH


def _can(settings: Settings, delivery: Delivery, scenario: Scenario, nodes: int) -> None:
    """Refuse what these settings cannot give, saying what can."""
    asked, groups = delivery.survives, len(scenario.topology.groups)
    if nodes > 1:
        raise CannotPromise(f"{nodes} nodes are asked, and this driver knows one server: use nodes: 1")
    if settings.structure == "list" and groups > 1:
        raise CannotPromise(
            f"a list gives each message to one consumer, asked are {groups} groups: use structure: stream"
        )
    if settings.structure == "list" and settings.maxlen is not None:
        raise CannotPromise("maxlen trims streams only: leave maxlen out, or use structure: stream")
    if delivery.guarantee is Guarantee.AT_LEAST_ONCE and settings.noack:
        raise CannotPromise(
            "noack forgets a message as it is delivered: leave noack out, or ask guarantee: at-most-once"
        )
    trims = settings.maxlen is not None
    if trims and (delivery.guarantee is Guarantee.AT_LEAST_ONCE or asked is not Survives.NOTHING):
        raise CannotPromise(
            f"maxlen: {settings.maxlen} trims messages that nobody has read: leave maxlen out,"
            " or ask guarantee: at-most-once with survives: nothing"
        )
    if asked is Survives.NODE_LOSS:
        raise CannotPromise("one server does not outlive its node: use survives: power-loss")
    if settings.appendfsync in ("none", "everysec") and _rank(asked) >= _rank(Survives.BROKER_KILL):
        why = (
            "keeps nothing on disk"
            if settings.appendfsync == "none"
            else "may answer up to 2 s before it writes when a flush is slow"
        )
        raise CannotPromise(
            f"appendfsync: {settings.appendfsync} {why}, so a kill loses what was confirmed: use appendfsync: always"
        )


def _notes(used: Settings, scenario: Scenario) -> list[str]:
    topology = scenario.topology
    notes = [f"confirmed once in memory, append-only file flushed: {used.appendfsync}"]
    if used.appendfsync == "none":
        notes = ["confirmed once in memory; no append-only file"]
    elif used.appendfsync == "always":
        notes = ["confirmed once flushed to the append-only file (appendfsync always)"]
    if used.structure == "stream":
        notes.append(f"groups: {len(topology.groups)} -> consumer groups of one stream")
    else:
        notes.append("one list: LPUSH at one end, taken at the other")
    if topology.partitions > 1:
        notes.append(f"partitions: {topology.partitions} -> ignored: one {used.structure}")
    if scenario.message.keys is not None:
        notes.append("keys -> ignored: one order for all keys")
    if used.noack:
        notes.append("prefetch -> ignored: nothing is acknowledged")
    else:
        notes.append(
            "prefetch -> messages a consumer holds unsettled, kept by the client: the server has no such limit"
        )
        notes.append(f"what a dead consumer held comes again after {used.claim_after_s:g} s (claim_after)")
    if used.maxlen is not None:
        notes.append(f"maxlen: {used.maxlen} -> the oldest entries are trimmed, read or not: they are lost")
    return notes
