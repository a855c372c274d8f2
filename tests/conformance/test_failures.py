"""No server, the wrong url, a server that dies: said in one line, soon, and nothing hangs."""

import json
import time
from collections.abc import Callable

import pytest

from brokerbench.contract import BadTarget, Connection, ConnectionLost, Feature
from brokerbench.model import Survives
from brokerbench.servers import free_port
from tests.conformance.cases import Case
from tests.conformance.conftest import Servers
from tests.conformance.lab import DEADLINE_S, Lab, Trial, until, within

SOON_S = 60.0  # a hang's limit, not a measure


@pytest.mark.brokered
def test_a_closed_port_is_a_bad_target(lab: Lab) -> None:
    trial = lab.trial()
    closed = lab.case.driver.address(lab.case.url.format(port=free_port()))
    good, trial.endpoints = trial.endpoints, trial.endpoints
    trial.moved_to(closed)

    def administer() -> None:
        admin = lab.case.driver.admin(closed, trial.settings)
        try:
            admin.declare(trial.destination)
        finally:
            admin.close()

    for what, work in (("admin", administer), ("producer", trial.source), ("consumer", trial.sink)):
        with pytest.raises(BadTarget) as refused:
            within(SOON_S, work, f"{what} at a closed port")
        assert str(refused.value)
        assert "\n" not in str(refused.value)
    trial.endpoints = good


@pytest.mark.brokered
def test_an_address_is_plain_json(case: Case) -> None:
    address = case.driver.address(case.url.format(port=4242))
    assert json.loads(json.dumps(address)) == address
    assert "4242" in json.dumps(address)


def test_a_wrong_url_is_refused(case: Case) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        case.driver.address("http://127.0.0.1:1")


@pytest.mark.brokered
@pytest.mark.flavour("dies")
def test_a_dying_server_is_noticed(lab: Lab, servers: Servers) -> None:
    trial = lab.trial()
    sink = trial.sink()
    source = trial.source()
    trial.send(source, 100)
    trial.settle_down()
    consuming, producing = trial.connections
    servers.kill()

    def produce() -> None:
        source.offer([64] * 10)
        source.confirms(0.05)

    until(lambda: _lost(producing, produce), "the producer hears that its server died", deadline_s=60)
    until(lambda: _lost(consuming, lambda: sink.pull(0.05)), "the consumer hears that its server died", deadline_s=60)
    _bury(trial)


def _lost(connection: Connection, work: Callable[[], object]) -> bool:
    try:
        work()
    except ConnectionLost as lost:
        return bool(str(lost))
    return bool(connection.events())


def _bury(trial: Trial) -> None:
    """Close what belongs to a server that is no more."""
    trial.gone = True
    trial.close()
    within(DEADLINE_S, trial.admin.close, "Admin.close without a server")


@pytest.mark.brokered
@pytest.mark.feature(Feature.DURABLE)
@pytest.mark.flavour("dies")
def test_confirmed_messages_outlive_the_server(lab: Lab, servers: Servers) -> None:
    """Killed hard, started again on its data: each confirmed message is there."""
    flavour = lab.case.flavour
    trial = lab.trial({"a": 1, "b": 1} if flavour.ends_later else None, survives=Survives.BROKER_KILL)
    old = time.monotonic() + flavour.kept_after_s
    source = trial.source()
    trial.send(source, 500)
    until(lambda: not source.unanswered, "all confirmed", trial.turn)
    until(lambda: time.monotonic() >= old, "old enough", lambda: source.confirms(0.1))
    if flavour.ends_later:
        other = trial.sink("b")
        until(lambda: set(other.of()) >= set(source.confirmed), "can be read", lambda: other.pull(0.05))
    servers.kill()
    _bury(trial)
    trial.sources.clear()
    trial.sinks.clear()
    trial.moved_to(servers.restart().address)
    sink = trial.sink()
    confirmed = set(source.confirmed)
    until(
        lambda: set(sink.of()) >= confirmed,
        lambda: f"all that was confirmed: {len(confirmed - set(sink.of()))} of {len(confirmed)} did not come",
        lambda: sink.pull(0.05),
    )
