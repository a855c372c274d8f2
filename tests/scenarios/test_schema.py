"""The editors' schema: it takes what is shipped, and underlines common slips."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from brokerbench.cli._scenario import FEATURES, Drivers, Settings
from brokerbench_scenarios import schema, shipped_names, shipped_text

BROKEN = Path(__file__).parent / "broken"
# YAML that reads but means something an editor can know to be wrong.
SLIPS = [
    "unknown-top-key",
    "unknown-load-key",
    "unknown-group-key",
    "unknown-driver-key",
    "another-drivers-key",
    "missing-message",
    "missing-driver",
    "no-brokers",
    "brokers-are-a-list",
    "no-stages",
    "stages-are-a-table",
    "unknown-driver",
    "unknown-model",
    "unknown-guarantee",
    "unknown-role",
    "unknown-setting-word",
    "unknown-need",
    "need-without-its-value",
    "need-with-a-value-too-many",
    "need-of-an-unknown-protocol",
    "need-of-an-unknown-language",
    "need-of-an-unknown-licence",
    "need-of-a-size-without-unit",
    "need-of-several-values",
    "need-with-an-empty-value",
    "need-is-a-list",
    "needs-are-a-table",
    "unknown-valued-need",
    "unknown-metric",
    "unknown-primary",
    "size-without-unit",
    "size-unknown-unit",
    "duration-without-unit",
    "rate-without-unit",
    "rate-per-minute",
    "count-zero",
    "count-is-a-word",
    "setting-without-unit",
    "unbuilt-faults",
    "unbuilt-options",
    "unknown-arrivals",
    "margin-without-unit",
    "unknown-margin",
    "ack-every-zero",
    "unknown-server-key",
    "broker-name-is-a-path",
    "scenario-name-is-a-path",
]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    made = schema(Settings(Drivers()), FEATURES)
    Draft202012Validator.check_schema(made)
    return Draft202012Validator(made)


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("name", shipped_names())
def test_it_takes_the_shipped_files(validator: Draft202012Validator, name: str) -> None:
    assert [error.message for error in validator.iter_errors(load(shipped_text(name)))] == []


@pytest.mark.parametrize("name", SLIPS)
def test_it_refuses_slips(validator: Draft202012Validator, name: str) -> None:
    assert not validator.is_valid(load((BROKEN / f"{name}.yaml").read_text()))


def test_keys_have_words_for_the_editor(validator: Draft202012Validator) -> None:
    described = validator.schema["properties"]["load"]["properties"]["warmup"]["description"]
    assert "0" in described
    nats = next(
        rule
        for rule in validator.schema["properties"]["brokers"]["additionalProperties"]["allOf"]
        if rule["if"]["properties"]["driver"]["const"] == "nats"
    )
    assert "description" in nats["then"]["properties"]["mode"]


def test_the_editor_knows_needs_with_a_value(validator: Draft202012Validator) -> None:
    made = load(shipped_text("demo"))
    made["needs"] = ["replay", "tls", {"protocol": "amqp-1.0"}, {"message-size": "1MiB"}, {"licence": "open-source"}]
    assert validator.is_valid(made)
