"""Scenario -> Plan: each candidate with the promise it gives, or the reason why it cannot take part; then every trial
in its order. Reads files and installed packages only; opens no socket."""

import importlib.util
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from brokerbench.contract import (
    Burying,
    CannotPromise,
    Choosy,
    Driver,
    Feature,
    Laned,
    Locatable,
    Patient,
    Returning,
    install_line,
)
from brokerbench.model import (
    Answer,
    Broker,
    Candidate,
    Delivery,
    Guarantee,
    Having,
    Line,
    Plan,
    Promise,
    PromisePoint,
    Role,
    Scenario,
    ServerKind,
    ServerSpec,
    Survives,
    Trial,
    TrialKind,
    format_duration,
)
from brokerbench.servers import NotAvailable, ServerRecipe, tailored

from .places import of_replies
from .qualities import answers, of_set_up
from .written import cannot_write, with_orders

__all__ = [
    "TAGS",
    "Excluded",
    "enough_processes",
    "make_plan",
    "processes_of",
    "promise_of",
    "recipe_of",
    "settings_of",
]

TAGS = 0x7FFF  # the 16th bit marks canaries
_MAX_CHILDREN = 32


class Excluded(Exception):
    """Why a candidate cannot take part, as it will be printed."""


def settings_of(driver: Driver, candidate: Candidate) -> Any:
    """The driver's Settings as the promise left them."""
    if candidate.promise is None:
        raise ValueError(f"{candidate.name} is excluded: {candidate.excluded}")
    return driver.Settings.from_base(candidate.promise.settings)


def recipe_of(driver: Driver, candidate: Candidate) -> ServerRecipe:
    """What brings up the server of a candidate that takes part and has no url. Raises NotAvailable."""
    return tailored(driver.servers[candidate.server.kind], settings_of(driver, candidate), candidate.server)


def make_plan(scenario: Scenario, drivers: Mapping[str, Driver], seed: int, *, smoke: bool = False) -> Plan:
    """Blocks in random order, each candidate once a block; those of a second look too. The same seed gives the same
    plan."""
    scenario = with_orders(scenario, seed)
    candidates = tuple(
        _candidate(name, broker, scenario.of(name), drivers[broker.driver]) for name, broker in scenario.brokers.items()
    )
    empty = Plan(scenario, seed, candidates, (), smoke)
    first, last = empty.looks or (scenario.repeats.blocks, scenario.repeats.blocks)
    taking_part = [c.name for c in candidates if c.excluded is None]
    chance = random.Random(seed)
    tags = chance.sample(range(1, TAGS), len(taking_part) * last)
    trials = []
    for block in range(1, last + 1):
        kind = TrialKind.PLANNED if block <= first else TrialKind.SECOND_LOOK
        for order, name in enumerate(chance.sample(taking_part, len(taking_part)), 1):
            trial_id = f"b{block:02d}-{order}-{name}"
            trials.append(Trial(trial_id, block, order, name, chance.getrandbits(32), tags.pop(), kind))
    return replace(empty, trials=tuple(trials))


def _candidate(name: str, broker: Broker, scenario: Scenario, driver: Driver) -> Candidate:
    client = broker.client or next(iter(driver.clients))
    server, promise, why = broker.server, None, None
    needs, lines = _needs(broker, scenario, driver, driver.Settings.from_base(broker.settings))
    try:
        client = _client(broker, driver)
        if why_not := cannot_write(scenario.message):
            raise Excluded(why_not)
        promise = promise_of(broker, scenario, driver)
        settings = driver.Settings.from_base(promise.settings)
        needs, lines = _needs(broker, scenario, driver, settings)
        _has_what_is_needed(needs, broker)
        if isinstance(driver, Choosy) and (refusal := driver.refusal(client, settings)):
            raise Excluded(refusal)
        server = _server(broker, driver, settings)
        enough_processes(scenario)
        _can_be_closed(scenario, driver, client, settings, promise)
        _can_work(scenario, driver, client, settings)
        _can_keep(scenario, driver, settings)
        _can_carry(scenario, driver, settings)
        _can_churn(scenario, driver, settings)
    except Excluded as excluded:
        why = str(excluded)
    return Candidate(name, broker.driver, client, server, broker.url, broker.role, promise, why, needs, lines)


def _client(broker: Broker, driver: Driver) -> str:
    """The client asked for, else the first one; it must be installed."""
    name = broker.client or next(iter(driver.clients))
    if name not in driver.clients:
        raise Excluded(f"{driver.title} has no client {name!r}; it has {', '.join(driver.clients)}")
    module = driver.clients[name]
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        raise Excluded(f"the client {name} is not installed: {install_line(driver, name)}")
    return name


def promise_of(broker: Broker, scenario: Scenario, driver: Driver) -> Promise:
    """Of a topic with all that is dealt to it; others have as many, or one less. Raises Excluded."""
    scenario = scenario.model_copy(update={"topology": scenario.topology.of_topic(0)})
    settings = driver.Settings.from_base(broker.settings)
    delivery = scenario.delivery
    try:
        promise = driver.promise(settings, delivery, scenario, broker.server.nodes)
        _can_reply(broker, scenario, driver)
    except CannotPromise as cannot:
        if broker.role is not Role.FLOOR:
            raise Excluded(str(cannot)) from cannot
        # A floor is exempt from the promise: it shows what the machine can do with none.
        weakest = Delivery(guarantee=Guarantee.AT_MOST_ONCE, survives=Survives.NOTHING, in_flight=delivery.in_flight)
        try:
            promise = driver.promise(settings, weakest, scenario, broker.server.nodes)
            _can_reply(broker, scenario, driver, weakest)
        except CannotPromise as still:
            raise Excluded(str(still)) from still
    return promise


def _needs(
    broker: Broker, scenario: Scenario, driver: Driver, settings: Any
) -> tuple[tuple[Answer, ...], tuple[Line, ...]]:
    """What the set-up answers to each need, and the lines behind it."""
    lines = of_set_up(driver, settings.model_dump(mode="json"), external=broker.url is not None)
    return answers(scenario.needs, driver, settings, lines, broker.server.version), lines


def _has_what_is_needed(needs: tuple[Answer, ...], broker: Broker) -> None:
    """What is not known does not exclude: it is run, and marked."""
    missing = [f"{each.need} ({each.says})" for each in needs if each.having is Having.NOT_MET]
    if missing and broker.role is not Role.FLOOR:
        raise Excluded(f"does not have what the scenario needs: {'; '.join(missing)}")


def _can_reply(broker: Broker, scenario: Scenario, driver: Driver, delivery: Delivery | None = None) -> None:
    """A reply is a message too, of those who answer to one who asked. Raises CannotPromise."""
    if scenario.topology.answered:
        back = scenario.model_copy(update={"topology": of_replies(scenario.topology)})
        settings = driver.Settings.from_base(broker.settings)
        try:
            driver.promise(settings, delivery or scenario.delivery, back, broker.server.nodes)
        except CannotPromise as cannot:
            raise CannotPromise(f"for its replies: {cannot}") from cannot


def _server(broker: Broker, driver: Driver, settings: Any) -> ServerSpec:
    """As asked, with its kind chosen."""
    asked = broker.server
    if broker.url is not None:
        try:
            driver.address(broker.url)
        except ValueError as error:
            raise Excluded(str(error)) from error
        return asked.model_copy(update={"kind": ServerKind.EXTERNAL})
    if asked.kind is ServerKind.EXTERNAL:
        raise Excluded("server: external needs a url")
    if asked.kind is not ServerKind.AUTO and asked.kind not in driver.servers:
        has = ", ".join(driver.servers)
        raise Excluded(f"{driver.title} has no {asked.kind} server; it has {has}, or give a url")
    kinds = driver.servers if asked.kind is ServerKind.AUTO else {asked.kind: driver.servers[asked.kind]}
    missing = []
    for kind, recipe in kinds.items():
        try:
            found = tailored(recipe, settings, asked).available()
        except NotAvailable as error:
            missing.append(f"{kind}: {error}")
            continue
        if found.ready or found.fetchable:
            return asked.model_copy(update={"kind": kind})
        missing.append(f"{kind}: {found.what}")
    raise Excluded(f"no server: {'; '.join(missing)}")


def _can_be_closed(scenario: Scenario, driver: Driver, client: str, settings: Any, promise: Promise) -> None:
    load, producers = scenario.load, scenario.topology.producers
    if load.users is None:
        return
    if promise.point is not PromisePoint.CONFIRMED and not scenario.topology.answered:
        raise Excluded(
            "nothing is confirmed, and a user of a closed load waits for that: use guarantee: at-least-once, or"
            " topology.pattern: request-reply"
        )
    if load.connections == "each":
        wanted = -(-load.users // producers)
        most = driver.most_lanes(client, settings) if isinstance(driver, Laned) else 1
        if wanted > most:
            raise Excluded(
                f"the client {client} can have {most:,} connection{'s' if most > 1 else ''} a process, asked are"
                f" {wanted:,}, one for each user: use connections: shared, or more producers"
            )


def _can_work(scenario: Scenario, driver: Driver, client: str, settings: Any) -> None:
    """What consumers are asked to do with single messages, broker and client must let them do."""
    features = driver.features(settings)
    returning = Feature.REQUEUE in features
    if isinstance(driver, Returning):
        returning = driver.gives_back(client, settings)
    for name, group in scenario.topology.groups.items():
        if group.ack_every > 1 and Feature.SETTLE not in features:
            raise Excluded(
                f"nothing is settled here, and group {name} is to settle every {group.ack_every}: leave it out"
            )
        if group.settles and not returning:
            asked = " and ".join(group.settles)
            raise Excluded(
                f"with the client {client} single messages cannot be given back or rejected here: leave {asked} of"
                f" group {name} out"
            )
        if group.dead_letter and (why_not := _cannot_bury(driver, settings)):
            raise Excluded(f"dead_letter of group {name}: {why_not}: leave dead_letter out")


def _cannot_bury(driver: Driver, settings: Any) -> str:
    """Empty where it can."""
    if not isinstance(driver, Burying):
        return (
            f"{driver.title} has no queue for what is rejected, or none that its driver makes and counts (the rabbitmq"
            " driver does, for classic and quorum queues)"
        )
    if not driver.dead_letters(settings):
        return f"with these settings no queue of {driver.title} takes what is rejected, and that alone"
    return ""


def _can_keep(scenario: Scenario, driver: Driver, settings: Any) -> None:
    """A backlog waits for consumers that are not there: who brings again what a dead one left has kept it meanwhile."""
    if scenario.load.fill is not None and Feature.SETTLE not in driver.features(settings):
        raise Excluded("nothing is kept here for consumers that are not connected, so there is no backlog to drain")


def _can_carry(scenario: Scenario, driver: Driver, settings: Any) -> None:
    if scenario.message.headers and Feature.HEADERS not in driver.features(settings):
        raise Excluded(
            f"a message of {driver.title} carries no headers with these settings: leave message.headers out, or put"
            " them into a payload"
        )


def _can_churn(scenario: Scenario, driver: Driver, settings: Any) -> None:
    """Who closes its connection must find again what waits for it, and before the trial is over."""
    churn = scenario.topology.churn
    if churn is None:
        return
    if not isinstance(driver, Locatable):
        raise Excluded("there is no broker that keeps messages while a connection is away: leave topology.churn out")
    if not churn.of("consumer"):
        return
    if Feature.SETTLE not in driver.features(settings):
        raise Excluded("nothing is kept here for consumers that are not connected: use topology.churn.who: producers")
    drain_s = scenario.load.drain_s
    if isinstance(driver, Patient) and (again_s := driver.comes_again_s(settings)) >= drain_s:
        raise Excluded(
            f"what a consumer leaves unsettled comes again only after {format_duration(again_s)}, and the drain is"
            f" {format_duration(drain_s)}: use a longer load.drain, or a shorter {driver.waits_by}"
        )


def processes_of(scenario: Scenario) -> int:
    """Of the load, in each trial."""
    topology = scenario.topology
    asking = topology.producers * (2 if topology.answered else 1)  # and who receives the replies to each
    return asking + sum(group.consumers for group in topology.groups.values())


def enough_processes(scenario: Scenario) -> None:
    wanted = processes_of(scenario)
    if wanted > _MAX_CHILDREN:
        raise Excluded(f"{wanted} producers and consumers need a process each; at most {_MAX_CHILDREN} are possible")
