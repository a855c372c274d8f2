"""Where the users of one class in one process meet: a destination of their own, its admin, its ledger."""

import logging
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from locust.env import Environment
from pydantic import ValidationError

import brokerbench_drivers
from brokerbench.contract import BadTarget, ConnectionLost, Deliveries, Destination, Driver, Feature, Session, Settle
from brokerbench.engine.planner import TAGS, make_plan, settings_of
from brokerbench.model import Broker, Candidate, Delivery, Load, Message, PromisePoint, Scenario, Topology

from .ledger import Ledger
from .refused import STOPS_GEVENT

__all__ = ["GROUP", "Asked", "CannotBeUser", "Place", "payloads_of"]

GROUP = "users"
_SLICE_S = 0.2
_QUIET_S = 1.0
_COUNTERS_S = 12.0  # as long as a trial waits for a broker that counts in the background

log = logging.getLogger(__name__)


class CannotBeUser(Exception):
    """Why this driver, client or server cannot be used, in one line."""


@dataclass(frozen=True)
class Asked:
    """What a class of users says about its broker."""

    name: str
    driver: str
    client: str | None
    settings: Mapping[str, Any]
    url: str | None
    delivery: Delivery
    size_bytes: int
    partitions: int
    prefetch: int
    drain_s: float


class Place:
    """Raises CannotBeUser. What it made is removed once the test has stopped."""

    def __init__(self, asked: Asked, environment: Environment, users: int) -> None:
        self._asked, self._environment = asked, environment
        driver, candidate = _checked(asked)
        assert candidate.promise is not None
        assert asked.url is not None
        self._driver, self._client, self._settings = driver, candidate.client, settings_of(driver, candidate)
        self.confirming = candidate.promise.point is PromisePoint.CONFIRMED
        self.settling = Feature.SETTLE in driver.features(self._settings)
        self._indices = count()
        self._open: list[Any] = []
        self.t0_ns = time.monotonic_ns()
        tag = random.randrange(1, TAGS)
        self.ledger = Ledger(asked.name, tag, confirming=self.confirming)
        where = Destination(f"bb.{secrets.token_hex(4)}.{asked.name}", asked.partitions, users, {GROUP: users})
        try:
            self._admin = driver.admin(driver.address(asked.url), self._settings)
            self._endpoints = self._admin.declare(where)
        except (BadTarget, ConnectionLost) as error:
            raise CannotBeUser(f"{asked.name}: {error}") from error
        environment.events.test_stop.add_listener(self._end)

    def index(self) -> int:
        """Of the next user."""
        return next(self._indices) & 0xFFFF

    def producer(self, index: int) -> Any:
        """A connection and its producer. Raises BadTarget, ConnectionLost."""
        return self._connect(index, None)

    def consumer(self, index: int) -> Any:
        return self._connect(index, GROUP)

    def close(self, pair: Any) -> None:
        """What cannot be said to a broker that is gone is left unsaid."""
        if pair in self._open:
            self._open.remove(pair)
            for end in pair[::-1]:
                try:
                    end.close()
                except (BadTarget, ConnectionLost) as error:
                    log.debug("closing: %s", error)

    def _connect(self, index: int, group: str | None) -> tuple[Any, Any]:
        asked = self._asked
        session = Session(
            endpoints=self._endpoints,
            client=self._client,
            settings=self._settings,
            in_flight=1,
            prefetch=asked.prefetch,
            size_bytes=asked.size_bytes,
            index=index,
            group=group,
        )
        connection = self._driver.connect(session)
        pair = connection, connection.producer() if group is None else connection.consumer()
        self._open.append(pair)
        return pair

    # -- the end --------------------------------------------------------------------------------------------------

    def _end(self, **_: Any) -> None:
        self._environment.events.test_stop.remove_listener(self._end)
        for pair in self._open.copy():
            self.close(pair)
        try:
            self._drain()
            self.ledger.counters = self._counters()
            self._admin.delete(self._endpoints)
        except (BadTarget, ConnectionLost) as error:
            log.error("%s: %s", self._asked.name, error)
        finally:
            self._admin.close()
        (log.error if self.ledger.lost != 0 else log.info)("%s", self.ledger.text)
        if self.ledger.lost and not self._environment.process_exit_code:
            self._environment.process_exit_code = 1

    def _drain(self) -> None:
        """What the users left, until nothing promised is missing and nothing more comes."""
        pair = self.consumer(0)
        deadline, quiet_s = time.monotonic() + self._asked.drain_s, 0.0
        while time.monotonic() < deadline:
            deliveries = pair[1].receive(_SLICE_S)
            for payload in payloads_of(deliveries, self._asked.size_bytes):
                self.ledger.arrived(payload, draining=True)
            if deliveries.count and self.settling:
                pair[1].settle(deliveries.tokens, Settle.ACCEPT)
            quiet_s = 0.0 if deliveries.count else quiet_s + _SLICE_S
            # What is unknown may still come, and nobody says when it will not.
            if quiet_s >= (_QUIET_S if self.ledger.unknown else _SLICE_S) and not self.ledger.missing:
                break
        self.close(pair)
        self.ledger.closed = True

    def _counters(self) -> dict[str, Any]:
        """Read until the broker has counted all that we sent, or does not."""
        deadline = time.monotonic() + _COUNTERS_S
        while True:
            found = self._admin.counters(self._endpoints)
            if found.published in (None, self.ledger.sent) or time.monotonic() > deadline:
                return {"published": found.published, "stored": found.stored}
            time.sleep(_SLICE_S)


def payloads_of(deliveries: Deliveries, size_bytes: int) -> list[bytes]:
    if deliveries.payloads is not None:
        return list(deliveries.payloads)
    assert deliveries.buffer is not None
    size = deliveries.size_bytes or size_bytes
    data = bytes(deliveries.buffer)
    return [data[at : at + size] for at in range(0, len(data), size)]


def _checked(asked: Asked) -> tuple[Driver, Candidate]:
    """As a scenario's candidate, before anything opens a socket."""
    try:
        driver = brokerbench_drivers.load(asked.driver)
    except brokerbench_drivers.UnknownDriver as unknown:
        raise CannotBeUser(f"{asked.name}: {unknown}") from None
    client = asked.client or next(iter(driver.clients))
    if why := STOPS_GEVENT.get((asked.driver, client)):
        raise CannotBeUser(f"{asked.name}: {client} cannot be a Locust user: {why}, or use `brokerbench run`")
    if not asked.url:
        raise CannotBeUser(
            f"{asked.name} needs the broker's url: --host, or host in the class; `brokerbench up` starts one"
        )
    try:
        settings = driver.Settings.model_validate(dict(asked.settings)).model_dump(exclude_unset=True)
        scenario = Scenario(
            scenario="locust",
            brokers={asked.driver: Broker(driver=asked.driver, client=client, url=asked.url, settings=settings)},
            topology=Topology(partitions=asked.partitions),
            message=Message.model_validate({"size": f"{asked.size_bytes}B"}),
            delivery=asked.delivery,
            load=Load.model_validate({"model": "saturate", "stages": [{"steady": "1s"}]}),
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CannotBeUser(f"{asked.name}: {where}: {first['msg']}") from None
    [candidate] = make_plan(scenario, {asked.driver: driver}, seed=0).candidates
    if candidate.excluded is not None:
        raise CannotBeUser(f"{asked.name}: {candidate.excluded}")
    return driver, candidate
