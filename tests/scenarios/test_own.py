"""What a candidate may have of its own: set up otherwise, asked the same."""

import pytest

from brokerbench_scenarios import ScenarioError
from tests.scenarios.good import reading


def test_a_candidate_says_only_what_it_has_otherwise() -> None:
    own = "brokers.one.topology={partitions: 2, groups: {billing: {prefetch: 1}}}"
    scenario = reading(overrides=[own, "brokers.one.delivery.in_flight=1"])
    asked = scenario.of("one")
    assert asked.topology.groups["billing"] == scenario.topology.groups["billing"].model_copy(update={"prefetch": 1})
    assert asked.topology.groups["audit"] == scenario.topology.groups["audit"]
    assert (asked.topology.partitions, asked.topology.producers) == (2, scenario.topology.producers)
    assert asked.delivery == scenario.delivery.model_copy(update={"in_flight": 1})
    assert asked.of("one") == asked
    assert scenario.of("two") is scenario


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("brokers.one.topology.groups={orders: {}}", "every candidate has the scenario's groups: billing, audit"),
        ("brokers.one.delivery.survives=nothing", "asked of all candidates alike; its own can be in_flight"),
        ("brokers.one.delivery.guarantee=at-most-once", "asked of all candidates alike"),
        ("brokers.one.topology.groups.billing.prefetch=0", "brokers.one.topology.groups.billing.prefetch is 0"),
        ("brokers.one.topology.partition=2", "'partition' is not a key of brokers.one.topology"),
    ],
)
def test_what_is_asked_of_all_is_nobodys_own(override: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        reading(overrides=[override])
