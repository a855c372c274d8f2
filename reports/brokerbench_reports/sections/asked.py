"""What was asked: the load, the message, the promise, in words and units."""

from collections.abc import Mapping
from typing import Any

from brokerbench.model import Churn, Group, Load, Message, Pattern, Stage, Topology, format_duration
from brokerbench_analysis.slo import in_words
from brokerbench_reports.words import count, plural

__all__ = ["asked", "load_words", "promise_words"]

Json = Mapping[str, Any]


def asked(scenario: Json, primary: str) -> list[tuple[str, str]]:
    """Label and text, in the order a reader asks."""
    topology, load, delivery = scenario["topology"], scenario["load"], scenario["delivery"]
    pairs = [
        ("Load", load_words(load)),
        ("Message", Message.from_base(scenario["message"]).text),
        ("Topology", _topology(topology)),
        *_pattern(topology, load),
        ("Promise asked", promise_words(delivery["guarantee"], delivery["survives"])),
        ("In flight", _in_flight(load, delivery)),
        ("Repeats", _repeats(scenario["repeats"])),
        ("Primary figure", primary),
    ]
    if scenario.get("needs"):
        pairs.append(("Must have", ", ".join(scenario["needs"])))
    if scenario.get("slo"):
        pairs.append(("Objectives", "; ".join(in_words(slo) for slo in scenario["slo"])))
    return pairs + [(f"{name} alone", text) for name, own in scenario["brokers"].items() if (text := _own(own, load))]


def _own(broker: Json, load: Json) -> str:
    """What one candidate is set up with otherwise than the others."""
    topology, delivery, message = (broker.get(part) for part in ("topology", "delivery", "message"))
    parts = [Message.from_base(message).text] if message else []
    parts += [_topology(topology)] if topology else []
    return "; ".join([*parts, _in_flight(load, delivery)] if delivery else parts)


def load_words(load: Json) -> str:
    """`2,000 msg/s, open (sent by the clock), 3 s warm-up, 10 s measured`."""
    stages = [Stage.from_base(stage) for stage in load["stages"]]
    length = format_duration(sum(stage.length_s for stage in stages))
    if load["model"] == "open":
        rates = ", then ".join(stage.text for stage in stages)
        how = f"{rates}, open: sent by the clock, whatever the broker does"
        how += ", at random (Poisson) times" if load.get("arrivals") == "poisson" else ""
    elif load["model"] == "closed":
        how = f"closed: {Load.from_base(load).how}; no latency at a rate is claimed"
    elif load["model"] == "backlog":
        return f"backlog: {Load.from_base(load).how}; {length} to fill it at most"
    else:
        how = "saturate: the next message as soon as one is confirmed"
    return f"{how}; {format_duration(load['warmup_s'])} warm-up, {length} measured"


def _in_flight(load: Json, delivery: Json) -> str:
    if load["model"] == "closed":
        return "one unconfirmed message a user"
    return f"{count(delivery['in_flight'])} unconfirmed messages a producer"


def promise_words(guarantee: str, survives: str) -> str:
    """`at least once, survives broker kill`."""
    outlives = "nothing" if survives == "nothing" else f"a {survives.replace('-', ' ')}"
    return f"{guarantee.replace('-', ' ')}; a promised message survives {outlives}"


def _repeats(repeats: Json) -> str:
    words = f"{plural(repeats['blocks'], 'block')}: each candidate once a block, in random order"
    more = repeats.get("look_again")
    return f"{words}; on to {count(more)} if undecided then" if more else words


def _pattern(topology: Json, load: Json) -> list[tuple[str, str]]:
    """Only where there is more than messages one way."""
    if topology.get("pattern") != Pattern.REQUEST_REPLY:
        return []
    (group,) = topology["groups"]
    ends = {"closed": "; a user waits for the reply", "saturate": "; the next request as soon as a reply came"}
    how = f"request-reply: {group} answers each message to its producer{ends.get(load['model'], '')}"
    return [("Pattern", f"{how}; response time: intended → reply received")]


def _topology(topology: Json) -> str:
    groups = [f"{name}: {Group.from_base(group).words}" for name, group in topology["groups"].items()]
    sides = f"{plural(topology['producers'], 'producer')}, {plural(topology['partitions'], 'partition')}"
    sides += Topology.from_base(topology).dealt
    churn = f"; {Churn.from_base(topology['churn']).text}" if topology.get("churn") else ""
    return f"{sides}; {plural(len(groups), 'group')} ({'; '.join(groups)}){churn}"
