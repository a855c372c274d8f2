"""Who takes part: every producer and every consumer of a candidate, each with all that it is told."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brokerbench.contract import Driver, Endpoints, Feature
from brokerbench.model import REPLIES, Candidate, LoadModel, PromisePoint, Scenario, Topology

from .messages import kind_of
from .planner import settings_of
from .replay import replay_file
from .reply_pipe import reply_pipe
from .spec import ChildSpec

__all__ = ["cast"]


def cast(
    scenario: Scenario,
    candidate: Candidate,
    driver: Driver,
    reference: str,
    endpoints: Sequence[Endpoints],
    replies: Sequence[Endpoints] = (),
    *,
    tag: int,
    seed: int,
    ledger: Path,
) -> dict[str, list[ChildSpec]]:
    """By role, each told of the scenario's own load; `reference` is the driver's "module:DRIVER", `endpoints` has
    one place for each topic. With a place for each producer's `replies`, whoever receives a message answers it, and a
    consumer of each producer's receives the answers.
    """
    common = _common(scenario, candidate, driver, reference)
    common |= {"tag": tag, "seed": seed, "ledger": str(ledger)}
    topology, churn = scenario.topology, scenario.topology.churn
    churns = {role: churn.every_s if churn and churn.of(role) else None for role in ("producer", "consumer")}
    # An open load goes by the clock, whatever is replied.
    told = bool(replies) and scenario.load.model is not LoadModel.OPEN
    pipes = [str(reply_pipe(ledger, i)) if told else None for i in range(topology.producers)]
    per_key = Feature.ORDER_PER_KEY in driver.features(settings_of(driver, candidate))
    producers = [
        ChildSpec(
            name=f"producer-{i}",
            role="producer",
            index=i,
            group=None,
            prefetch=0,
            ordered=False,
            most=_share_of_fill(scenario, i),
            replay=str(replay_file(ledger, i)) if scenario.load.trace else None,
            replies_through=pipes[i],
            churn_s=churns["producer"],
            **(common | _at_topic(i, endpoints)),
        )
        for i in range(topology.producers)
    ]
    consumers = [
        ChildSpec(
            name=f"{name}-{i}",
            role="consumer",
            index=i,
            group=name,
            prefetch=group.prefetch,
            # Competing consumers of one queue take turns, so only a broker that keeps keys together has an order.
            # What is given back, or left unsettled by who goes, comes after those that followed it, and that is its
            # consumer's doing.
            ordered=(_alone(topology, name, i) or per_key) and not group.requeue and churns["consumer"] is None,
            work=work.model_dump(mode="json") if (work := group.work(i)).given else None,
            churn_s=churns["consumer"],
            **(common | _at_topic(i, endpoints) | _answering(scenario, replies, i)),
        )
        for name, group in topology.groups.items()
        for i in range(group.consumers)
    ]
    return {"producer": producers, "consumer": [*consumers, *_asking(scenario, replies, pipes, common)]}


def _share_of_fill(scenario: Scenario, index: int) -> int | None:
    """Of a backlog, the messages that this producer sends."""
    fill, producers = scenario.load.fill, scenario.topology.producers
    return None if fill is None else len(range(index, fill.count(scenario.message.mean_bytes), producers))


def _at_topic(index: int, endpoints: Sequence[Endpoints]) -> dict[str, Any]:
    """Producers and consumers are dealt over the topics in turn."""
    return {"endpoints": endpoints[index % len(endpoints)].as_json(), "topics": len(endpoints)}


def _alone(topology: Topology, group: str, index: int) -> bool:
    """Whether this producer's or consumer's topic has one consumer of the group."""
    return topology.of_topic(index % topology.topics).groups[group].consumers == 1


def _answering(scenario: Scenario, replies: Sequence[Endpoints], index: int) -> dict[str, Any]:
    """What consumers are told where they answer. As many of their replies may be unconfirmed as of others' messages."""
    if not replies:
        return {}
    topics = scenario.topology.topics
    to = [each.as_json() if producer % topics == index % topics else None for producer, each in enumerate(replies)]
    return {"replies": to, "in_flight": scenario.delivery.in_flight}


def _asking(
    scenario: Scenario, replies: Sequence[Endpoints], pipes: Sequence[str | None], common: Mapping[str, Any]
) -> list[ChildSpec]:
    """Each producer's consumer of the replies to it, the only one at its place."""
    if not replies:
        return []
    topology = scenario.topology
    ((name, group),) = topology.groups.items()
    return [
        ChildSpec(
            name=f"{REPLIES}-{i}",
            role="consumer",
            index=0,
            group=REPLIES,
            prefetch=group.prefetch,
            ordered=_alone(topology, name, i),  # several answer at their own pace
            replies_through=pipes[i],
            **common,
            endpoints=each.as_json(),
        )
        for i, each in enumerate(replies)
    ]


def _common(scenario: Scenario, candidate: Candidate, driver: Driver, reference: str) -> dict[str, Any]:
    promise = candidate.promise
    assert promise is not None
    load, message = scenario.load, scenario.message
    settings: Mapping[str, Any] = promise.settings
    return {
        "driver": reference,
        "client": candidate.client,
        "settings": dict(settings),
        "producers": scenario.topology.producers,
        # Of each user one message; else as many as the scenario says.
        "in_flight": -(-load.users // scenario.topology.producers) if load.users else scenario.delivery.in_flight,
        "size_bytes": message.largest_bytes,
        "keys": message.keys and message.keys.model_dump(),
        "bodies": kind_of(message),
        "mean_bytes": None if message.equal_bytes else message.mean_bytes,
        "compressibility": message.compressibility,
        "headers": dict(message.headers or {}),
        "confirming": promise.point is PromisePoint.CONFIRMED,
        "settling": Feature.SETTLE in driver.features(settings_of(driver, candidate)),
        "rate_msgs_s": load.rate_msgs_s,
        "profile": load.segments if load.varies else (),
        "arrivals": load.arrivals,
        "closed": load.of_users,
        "warmup_s": load.warmup_s,
        "measure_s": load.measure_s,
        "drain_s": load.drain_s,
    }
