"""Secrets come from the environment, are used, and are shown nowhere."""

import json
import traceback

import pytest

from brokerbench_scenarios import ScenarioError, redacted, secrets, without_secrets
from tests.scenarios.good import GOOD, reading

SECRET = "s3cr3t-pw"


def test_the_url_holds_the_secret_at_run_time_only() -> None:
    scenario = reading()
    assert scenario.brokers["two"].url == f"slow://bench:{SECRET}@broker.example"
    kept = redacted(scenario)
    assert kept["brokers"]["two"]["url"] == "slow://bench:***@broker.example"
    assert kept["brokers"]["two"]["settings"]["password"] == "***"
    assert SECRET not in json.dumps(kept)
    assert SECRET not in GOOD


def test_what_run_json_keeps_is_the_checked_scenario_with_units_in_the_names() -> None:
    kept = redacted(reading())
    assert kept["message"] == {"size": {"fixed_bytes": 1024}, "keys": {"cardinality": 10_000}}
    assert kept["load"]["stages"] == [{"steady_s": 120.0, "rate_msgs_s": 5000.0}]
    assert kept["slo"][0] == {"metric": "end_to_end.p99", "op": "<", "value": 50.0, "text": "< 50ms"}


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    found = secrets((GOOD,), {"PASSWORD": SECRET, "OTHER": "never named"})
    assert found == (SECRET,)
    assert without_secrets({"text": [f"found {SECRET}!"], "n": 1}, found) == {"text": ["found ***!"], "n": 1}
    assert SECRET not in json.dumps(redacted(reading(), found))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("amqp://u:p@h:5672/v", "amqp://u:***@h:5672/v"),
        ("amqp://u:p%40q@h,amqp://u:r@g", "amqp://u:***@h,amqp://u:***@g"),
        ("amqp://u:p/w@h", "amqp://u:***@h"),
        ("nats://h:4222", "nats://h:4222"),
        ({"api_key": "k", "sasl_PASSWORD": "x", "tokens": 5}, {"api_key": "***", "sasl_PASSWORD": "***", "tokens": 5}),
    ],
)
def test_urls_and_keys_that_tell(value: object, shown: object) -> None:
    assert without_secrets(value) == shown


@pytest.mark.parametrize(
    "override",
    [
        'brokers.two.limits={billing: "${PASSWORD}"}',
        'brokers.two.driver="${PASSWORD}"',
        'brokers.two.mode="${PASSWORD}"',
        'message.size="${PASSWORD}"',
        'scenario="${PASSWORD}"',
        'slo.lost="${PASSWORD}"',
        'load.model="${PASSWORD}"',
        'brokers.two.server="${PASSWORD}"',
        "brokers.two.batch=999",
        "brokers.two.server=embedded",
    ],
)
def test_no_error_shows_it(override: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        reading(overrides=[override])
    shown = caught.value.render() + "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ScenarioError, match="the environment has no variable PASSWORD"):
        reading(env={})


def test_an_empty_variable_hides_nothing_else() -> None:
    scenario = reading(env={"PASSWORD": ""})
    assert redacted(scenario, secrets((GOOD,), {"PASSWORD": ""}))["scenario"] == "orders"
