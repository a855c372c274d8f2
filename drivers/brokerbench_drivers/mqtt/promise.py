"""Which quality of service keeps what a scenario asks.

A broker answers a publish of QoS 1 with PUBACK, one of QoS 2 with PUBCOMP; a subscriber's session holds what it has
not acknowledged. Source: MQTT 5.0, OASIS Standard, sections 4.3 and 4.4. Mosquitto keeps all of that in memory and
writes it down at intervals and when it ends in order (mosquitto.conf(5), autosave_interval), so a kill loses confirmed
messages.
"""

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import SURVIVES_ORDER, Delivery, Guarantee, Promise, PromisePoint, Scenario, Survives

from .settings import MOST_IN_FLIGHT, Settings

__all__ = ["features", "promise"]

_ALWAYS = frozenset({Feature.GROUPS, Feature.COMPETING, Feature.ORDER})


def features(settings: Settings) -> frozenset[Feature]:
    """`qos` None can still become 1."""
    always = _ALWAYS | {Feature.HEADERS} if settings.protocol == "5" else _ALWAYS
    if settings.qos == 0:
        return always
    if settings.qos == 2:  # what was handed over is not sent again: a dead subscriber's share is gone
        return always | {Feature.CONFIRMS}
    return always | {Feature.CONFIRMS, Feature.SETTLE, Feature.REDELIVERED_FLAG}


def promise(settings: Settings, delivery: Delivery, scenario: Scenario) -> Promise:
    """Raises CannotPromise."""
    at_least_once = delivery.guarantee is Guarantee.AT_LEAST_ONCE
    qos = settings.qos if settings.qos is not None else (1 if at_least_once else 0)
    gives = Survives.CLIENT_CRASH if qos == 1 else Survives.NOTHING
    if at_least_once and qos != 1:
        why = "confirms nothing" if qos == 0 else "sends nothing again that a dead subscriber had been handed"
        raise CannotPromise(f"mqtt with qos: {qos} {why}: use qos: 1, or guarantee: at-most-once")
    if SURVIVES_ORDER.index(delivery.survives) > SURVIVES_ORDER.index(gives):
        raise CannotPromise(
            f"mqtt survives {gives} with qos: {qos}, not {delivery.survives}: Mosquitto writes its messages down at"
            " intervals, so a kill loses confirmed ones"
        )
    return Promise(
        Guarantee.AT_LEAST_ONCE if qos == 1 else Guarantee.AT_MOST_ONCE,
        gives,
        PromisePoint.CONFIRMED if qos else PromisePoint.HANDED_OVER,
        settings.model_copy(update={"qos": qos}).model_dump(mode="json"),
        tuple(_notes(qos, delivery, scenario)),
    )


def _notes(qos: int, delivery: Delivery, scenario: Scenario) -> list[str]:
    topology = scenario.topology
    notes = [f"group -> shared subscription ($share/<group>/<topic>), QoS {qos}"]
    if qos == 1:
        notes.append("each consumer has a session that is kept; what a dead one held waits for it, not for the others")
        notes.append(
            "prefetch -> receive maximum (MQTT 5); requeue and reject -> acknowledged: MQTT has no other answer"
        )
    if qos == 2:
        notes.append("QoS 2: neither lost nor doubled on the way to the client library, which then owns it")
    if topology.partitions > 1:
        notes.append(f"partitions: {topology.partitions} -> ignored: a topic has none")
    if scenario.message.keys is not None:
        notes.append("keys -> ignored: a shared subscription keeps no keys together")
    if qos and delivery.in_flight > MOST_IN_FLIGHT:
        notes.append(f"in_flight {delivery.in_flight} -> {MOST_IN_FLIGHT}: a packet identifier has 16 bits")
    return notes
