"""Two patterns that several brokers share: a producer that waits for its confirms, a consumer that waits for its own
acknowledgements."""

from collections.abc import Callable, Iterator

from brokerbench_analysis.words import article, counted, digits, percent

from .case import IDLE, Case
from .rule import Finding

__all__ = ["FEW_AT_ONCE", "FEW_IN_FLIGHT", "few_in_flight", "few_unsettled", "size"]

FEW_IN_FLIGHT = 50  # unconfirmed messages of a producer; beyond, more of them mostly wait longer
FEW_AT_ONCE = 50  # unsettled messages of a consumer
USED = 0.8  # of what a producer may have in flight
ON_THEIR_WAY = 0.5  # of what a group's consumers may hold


def size(number: float) -> str:
    """As a scenario has it: `16KiB`, `2MiB`; rounded where it is no whole unit."""
    for unit, scale in (("MiB", 2**20), ("KiB", 2**10)):
        if number >= scale and (number % scale == 0 or unit == "KiB"):
            return f"{number / scale:.4g}{unit}"
    return f"{number:.4g}B"


def few_in_flight(to: int) -> Callable[[Case], Iterator[Finding]]:
    """Little's law: rate x confirm latency is what is unconfirmed. Where that is all that may be, producers wait."""

    def find(case: Case) -> Iterator[Finding]:
        rate, confirm_ms = case.rate("confirmed_msgs_s"), case.latency_ms("confirm_ms", "mean")
        if case.closed or case.in_flight >= FEW_IN_FLIGHT or not rate or confirm_ms is None:
            return
        under_way = rate / case.producers * confirm_ms / 1e3
        if under_way < USED * case.in_flight:
            return
        evidence = (
            f"{digits(rate / case.producers, 3)} confirms a second for each producer, {digits(confirm_ms, 3)} ms"
            f" each (mean): {digits(under_way)} messages under way, of the {case.in_flight} that may be; the producer"
            " waits for confirms before it may send on"
        )
        key = case.key("delivery", "in_flight")
        yield Finding("delivery.in_flight", case.in_flight, to, evidence, {key: str(to)})

    return find


def few_unsettled(to: int, of: str) -> Callable[[Case], Iterator[Finding]]:
    """A group may hold prefetch x consumers unsettled. Seen used up, while its consumers idle: either messages wait in
    the broker, or a round trip at this rate alone keeps as many on their way.

    The round trip is the least of what is known of it: the mean confirm, and the mean message end to end.
    """

    def find(case: Case) -> Iterator[Finding]:
        for name, group in case.groups.items():
            evidence = _starved(case, name, int(group["prefetch"]), int(group["consumers"]))
            if evidence is not None:
                change = {case.key("topology", f"groups.{name}.prefetch"): str(to)}
                yield Finding(f"topology.groups.{name}.prefetch ({of})", group["prefetch"], to, evidence, change)

    return find


def _starved(case: Case, name: str, prefetch: int, consumers: int) -> str | None:
    busy, rate, waiting = case.busiest(name), case.rate("delivered_msgs_s"), case.backlog()
    if prefetch >= FEW_AT_ONCE or not rate or busy is None or busy > IDLE:
        return None
    may = prefetch * consumers
    idle = f"while {article('consumer') if consumers == 1 else 'each consumer'} was busy {percent(busy)} at most"
    if waiting is not None and waiting >= 2 * may + 1 and waiting >= 10:
        return (
            f"{digits(waiting)} messages waited on average, and at most {may} may be unsettled (prefetch {prefetch}),"
            f" {idle}"
        )
    known = [case.latency_ms(metric, "mean") for metric in ("confirm_ms", "end_to_end_ms")]
    trips = [trip for trip in known if trip is not None]
    if not trips or (on_their_way := rate * min(trips) / 1e3) < ON_THEIR_WAY * may:
        return None
    return (
        f"{digits(rate, 3)} messages a second at a round trip of {digits(min(trips))} ms (mean) keep"
        f" {digits(on_their_way)} on their way, and at most {counted(may)} may be unsettled (prefetch {prefetch}),"
        f" {idle}"
    )
