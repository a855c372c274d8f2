"""The scenario files that come with brokerbench."""

import pytest

from brokerbench.cli._scenario import load_scenario
from brokerbench.model import LoadModel, Survives
from brokerbench_scenarios import shipped_names, shipped_text, shorten


def test_their_names() -> None:
    assert shipped_names() == (
        "backlog-drain",
        "codecs",
        "compare-brokers",
        "compare-durable",
        "connection-churn",
        "demo",
        "fan-out",
        "iot-telemetry",
        "kafka-three",
        "large-messages",
        "log-firehose",
        "order-events",
        "rabbitmq-ha",
        "rabbitmq-one-at-a-time",
        "request-reply",
        "saturate",
        "spike-and-recovery",
        "task-queue",
        "thousand-users",
        "tls-cost",
    )


@pytest.mark.parametrize("name", shipped_names())
def test_each_is_good_and_called_as_its_file(name: str) -> None:
    scenario = load_scenario(name).scenario
    assert scenario.scenario == name
    assert scenario.question.endswith("?")


def test_an_unknown_one_is_told_with_the_nearest() -> None:
    with pytest.raises(LookupError, match=r"did you mean 'saturate'\?"):
        shipped_text("saturated")


def test_compare_brokers_asks_what_the_readme_shows() -> None:
    scenario = load_scenario("compare-brokers").scenario
    assert {"rabbitmq-classic", "kafka", "artemis", "jetstream", "valkey", "mosquitto"} < set(scenario.brokers)
    assert len(scenario.brokers) == 10
    assert (scenario.load.rate_msgs_s, scenario.load.measure_s, scenario.repeats.blocks) == (2000, 10, 3)
    assert scenario.delivery.survives is Survives.NOTHING


def test_the_demo_leaves_time_for_servers_in_two_minutes() -> None:
    scenario = load_scenario("demo").scenario
    trials = len(scenario.brokers) * scenario.repeats.blocks
    # Each trial costs about 1.5 s more, and the servers start in some 10 s.
    assert trials * (scenario.load.warmup_s + scenario.load.measure_s + 1.5) + 10 <= 120


@pytest.mark.parametrize("name", shipped_names())
def test_shortened_it_asks_the_same_in_seconds(name: str) -> None:
    whole = load_scenario(name).scenario
    short = shorten(whole)
    assert short.load.warmup_s <= 0.5
    assert short.load.measure_s <= 2
    assert short.load.drain_s <= 5
    assert short.repeats.blocks == 1
    assert (short.brokers, short.message, short.delivery, short.topology) == (
        whole.brokers,
        whole.message,
        whole.delivery,
        whole.topology,
    )
    assert short.load.rate_msgs_s == whole.load.rate_msgs_s
    assert (short.load.model is LoadModel.SATURATE) == (whole.load.model is LoadModel.SATURATE)


def test_shortening_lengthens_nothing() -> None:
    brief = load_scenario("demo", ["load.stages=[{steady: 500ms, rate: 10/s}]", "load.warmup=100ms"]).scenario
    assert shorten(brief).load.measure_s == 0.5
    assert shorten(brief).load.warmup_s == 0.1


@pytest.mark.parametrize("fill", ["1k", "{bytes: 10MiB}"])
def test_a_backlog_of_orders_can_be_shortened(fill: str) -> None:
    """How large they are is not known yet."""
    whole = load_scenario("backlog-drain", ["message={body: order}", f"load.fill={fill}"]).scenario
    short = shorten(whole).load.fill
    assert short is not None
    assert short.messages is not None
