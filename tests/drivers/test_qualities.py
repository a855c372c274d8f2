"""Every qualities.yaml: each line stands on a page, or on what the conformance suite runs and the driver declares."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import brokerbench_drivers
from brokerbench.contract import Described, Feature
from brokerbench.engine.qualities import of_set_up, read_qualities
from brokerbench.model import FACTORS, PLAIN_NEEDS, VALUED_NEEDS, Having, Line, Need, answer_to
from brokerbench_scenarios.shape import Shape, table_shape
from tests.conformance.cases import CASES, Case

NO_BROKERS = {"null", "simulated"}
FEATURES = {feature.value for feature in Feature}
FILES = [
    (name, path)
    for name in brokerbench_drivers.names()
    if isinstance(driver := brokerbench_drivers.load(name), Described)
    for path in driver.qualities
]
LINES = [(name, path.name, line) for name, path in FILES for line in read_qualities(path)]
TODAY = (datetime.now(UTC) + timedelta(hours=14)).date()  # where on earth the date is the latest
PROVED = [row for row in LINES if row[2].proved]


def settings(case: Case) -> dict[str, Any]:
    plain: dict[str, Any] = case.settings.model_dump(mode="json")
    return plain


def cases(driver: str, line: Line) -> Iterator[Case]:
    """The flavours of the suite that a line speaks of."""
    for case in CASES:
        if case.driver_name == driver and line.under(settings(case)):
            yield case


def test_every_broker_is_described() -> None:
    described = {name for name, _ in FILES}
    assert described == set(brokerbench_drivers.names()) - NO_BROKERS
    assert len(FILES) == len({path for _, path in FILES}) == 9


@pytest.mark.parametrize(("driver", "file", "line"), LINES, ids=lambda v: v.about if isinstance(v, Line) else v)
def test_a_line_speaks_of_what_there_is(driver: str, file: str, line: Line) -> None:
    assert line.about in {*PLAIN_NEEDS, *VALUED_NEEDS, *FACTORS, *FEATURES}
    assert line.read is None or line.read <= TODAY
    shape = table_shape(brokerbench_drivers.load(driver).Settings)
    for name, allowed in line.when.items():
        words = _words(shape.keys[name])
        assert set(allowed) <= words, f"{driver}, {file}: {name} is one of {words}"


def _words(shape: Shape) -> set[str]:
    return {"true", "false"} if shape.annotation is bool else set(shape.words)


@pytest.mark.parametrize(("driver", "file", "line"), PROVED, ids=lambda v: v.about if isinstance(v, Line) else v)
def test_what_is_proved_is_what_the_driver_declares_and_the_suite_runs(driver: str, file: str, line: Line) -> None:
    mine = list(cases(driver, line))
    if line.about == "tls":
        assert any(settings(case)["tls"] for case in mine), f"{file}: no flavour of {driver} runs with TLS"
        return
    assert line.about in FEATURES, f"{file}: the suite proves features and TLS, not {line.about}"
    assert all((line.about in case.features) is (line.answer == "yes") for case in mine)
    if line.answer == "yes" and not mine:  # the flavour leaves open what the promise fills in
        mine = [case for case in CASES if case.driver_name == driver and line.under(settings(case)) is None]
        assert any(line.about in case.features for case in mine)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_page_does_not_say_what_the_driver_denies(case: Case) -> None:
    """Of one set-up a feature is met or not; a line about it that has a page says the same."""
    given = settings(case)
    for line in of_set_up(case.driver, given):
        if line.about in FEATURES and line.under(given):
            assert (line.answer == "yes") is (line.about in case.features), line


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_no_two_lines_answer_a_plain_need_differently_for_one_version(case: Case) -> None:
    given = settings(case)
    lines = of_set_up(case.driver, given)
    for word in PLAIN_NEEDS:
        for version in ("2.11", "3.10.8", "4.0.5", "4.3.1", "6.3.1", "9.1"):
            found = answer_to(Need(word=word), lines, given, {}, version)
            assert not found.says.startswith("it depends: ") or None in {line.under(given) for line in lines}


def test_rabbitmq_3_and_4_differ() -> None:
    driver = brokerbench_drivers.load("rabbitmq")
    given = driver.Settings(queue_type="quorum").model_dump(mode="json")
    lines = of_set_up(driver, given)

    def having(text: str, version: str | None) -> Having:
        return answer_to(Need.model_validate(text), lines, given, {}, version).having

    assert [having("priorities", v) for v in ("3.10.8", "4", None)] == [Having.NOT_MET, Having.MET, Having.NOT_KNOWN]
    assert having("protocol: mqtt-5", "4.0.5") is Having.MET
    assert having("protocol: mqtt-5", "3.10.8") is Having.NOT_KNOWN  # no page says that it lacks it
    assert having("protocol: kafka", "4.0.5") is Having.NOT_MET
    assert having("message-size: 500MB", "4.0.5") is Having.MET
    assert having("message-size: 600MiB", "4.0.5") is Having.NOT_MET
    assert having("licence: open-source", None) is Having.MET
    assert having("licence: Apache-2.0", None) is Having.NOT_MET


def test_what_is_known_of_mosquitto_is_not_known_of_every_mqtt_broker() -> None:
    driver = brokerbench_drivers.load("mqtt")
    given = driver.Settings().model_dump(mode="json")
    assert {line.about for line in of_set_up(driver, given)} >= {"licence", "message-size"}
    assert of_set_up(driver, given, external=True) == ()


def test_what_one_list_leaves_out_another_line_may_have() -> None:
    def spoken(*languages: str) -> Line:
        page = {"source": "https://example.org", "read": "2026-11-01"}
        return Line.model_validate({"about": "language", "answer": languages, **page})

    lines = [spoken("c", "java"), spoken("go")]
    found = [answer_to(Need(word="language", value=v), lines, {}, {}).having for v in ("java", "go", "rust")]
    assert found == [Having.MET, Having.MET, Having.NOT_KNOWN]


def test_redis_changed_its_licence_twice() -> None:
    driver = brokerbench_drivers.load("redis")
    given = driver.Settings(product="redis").model_dump(mode="json")
    open_source = [
        answer_to(Need.model_validate("licence: open-source"), of_set_up(driver, given), given, {}, version).having
        for version in ("7.0.15", "7.4.2", "8.2.0")
    ]
    assert open_source == [Having.MET, Having.NOT_MET, Having.MET]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lines: {ttl: [{answer: yes}]}", "give a source and the day it was read"),
        ("lines: {ttl: [{answer: yes, source: https://example.org}]}", "give a source and the day"),
        ("lines: {ttl: [{answer: maybe, source: https://example.org, read: 2026-11-30}]}", "ttl"),
        ("lines: {ttl: [{answer: yes, proof: conformance}]}", "proof"),
        ("lines: {protocol: [{answer: [amqp], source: https://example.org, read: 2026-11-30}]}", "protocol"),
        ("lines: {replay: [{answer: no, proved: conformance}]}", "a no is proved: driver"),
        ("lines: {tls: [{answer: yes, versions: '~4', proved: conformance}]}", "versions are like"),
        ("lines: [ttl]", "list"),
        ("when: {}", "lines"),
    ],
)
def test_a_file_that_is_not_in_order_is_named(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "qualities.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"qualities\.yaml: ") as caught:
        read_qualities(path)
    assert why in str(caught.value)
