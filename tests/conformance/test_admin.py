"""What the coordinator asks the broker: facts, its own counts, a fresh start, a clean end."""

import json

import pytest

from brokerbench.contract import Counters, Feature, Locatable
from tests.conformance.lab import Lab, until


def test_facts_are_texts_and_name_the_version(lab: Lab) -> None:
    trial = lab.trial()
    facts = trial.admin.facts(trial.endpoints)
    assert facts["version"][0].isdigit()
    assert all(isinstance(key, str) and isinstance(value, str) and value for key, value in facts.items())


def test_endpoints_travel_as_json(lab: Lab) -> None:
    trial = lab.trial()
    plain = trial.endpoints.as_json()
    assert json.loads(json.dumps(plain)) == json.loads(json.dumps(plain, default=str))
    assert set(trial.endpoints.groups) == {"a"}


@pytest.mark.brokered
def test_a_server_has_a_url(lab: Lab) -> None:
    """What `brokerbench up` prints is what a scenario takes; whoever started a server may know more of it."""
    trial = lab.trial()
    driver = lab.case.driver
    assert isinstance(driver, Locatable)
    admin = driver.admin(driver.address(driver.url(lab.server(trial.settings).address)), trial.settings)
    try:
        assert admin.facts(trial.endpoints)["version"] == trial.admin.facts(trial.endpoints)["version"]
    finally:
        admin.close()


@pytest.mark.brokered
def test_the_version_is_the_servers_own(lab: Lab) -> None:
    """As whoever started it knows it; some brokers tell their clients no more than the series."""
    trial = lab.trial()
    known = lab.server(trial.settings).about.get("version")
    told = trial.admin.facts(trial.endpoints)["version"]
    assert known is None or f"{known}.".startswith(f"{told}."), f"the server is {known}, the facts say {told}"


@pytest.mark.feature(Feature.COUNTERS)
def test_the_broker_counts_what_we_count(lab: Lab) -> None:
    groups = {"a": 1, "b": 1} if Feature.GROUPS in lab.case.features else {"a": 1}
    trial = lab.trial(groups)
    for group in groups:
        trial.sink(group)
    trial.send(trial.source(), 700)
    trial.settle_down()
    goal = Counters(published=700, delivered=dict.fromkeys(groups, 700), stored=0)
    seen: list[Counters] = []

    def count() -> None:
        trial.turn()
        seen.append(trial.admin.counters(trial.endpoints))

    until(lambda: _reached(seen[-1], goal), f"the broker's counters at {goal}", count)


def _reached(found: Counters, goal: Counters) -> bool:
    """What the broker does not count is None, and is not compared; but it counts what was published."""
    assert found.published is not None
    delivered = {group: count for group, count in found.delivered.items() if count is not None}
    same = all(goal.delivered[group] == count for group, count in delivered.items())
    return found.published == goal.published and same and found.stored in (goal.stored, None)


@pytest.mark.feature(Feature.COUNTERS)
def test_what_waits_is_counted(lab: Lab) -> None:
    trial = lab.trial()
    trial.send(trial.source(), 100)
    until(lambda: trial.admin.counters(trial.endpoints).published == 100, "100 published", trial.turn)
    until(lambda: trial.admin.counters(trial.endpoints).stored in (100, None), "100 stored", trial.turn)


@pytest.mark.without(Feature.COUNTERS)
def test_nothing_is_invented(lab: Lab) -> None:
    trial = lab.trial()
    counters = trial.admin.counters(trial.endpoints)
    assert counters.published is None
    assert counters.stored is None
    assert not any(count is not None for count in counters.delivered.values())


@pytest.mark.feature(Feature.CONFIRMS)
def test_declare_is_fresh_and_empty(lab: Lab) -> None:
    """The same name again: what an earlier trial left behind is not there."""
    trial = lab.trial()
    trial.send(trial.source(), 30)
    until(lambda: not trial.sources[0].unanswered, "all confirmed", trial.turn)
    trial.close()
    trial.admin.delete(trial.endpoints)
    trial.endpoints = trial.admin.declare(trial.destination)
    trial.sources.clear()
    sink = trial.sink()
    source = trial.source()
    trial.send(source, 5)
    trial.settle_down()
    until(lambda: sink.pull(0.05).count == 0, "nothing more")
    assert sink.of() == [0, 1, 2, 3, 4]


def test_delete_takes_only_its_own(lab: Lab) -> None:
    """Names of which one begins with the other."""
    kept = lab.trial(name="bb.conformance.t1")
    other = lab.trial(name="bb.conformance.t1.x")
    third = lab.trial(name="bb.conformance.t12")
    kept.sink()
    kept.source()
    kept.ready()
    kept.send(kept.sources[0], 20)
    other.delete()
    third.delete()
    kept.send(kept.sources[0], 20)
    kept.settle_down()
    assert sorted(kept.sinks[0].of()) == list(range(40))
