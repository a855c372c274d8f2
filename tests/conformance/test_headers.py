"""Headers come to the broker as they were asked, on each message, and messages stay what they are."""

import pytest

from brokerbench.contract import Feature, Laned
from tests.conformance.lab import Lab, Trial
from tests.conformance.read_headers import reading

HEADERS = {"tenant": "acme", "trace-id": "00-4bf92f35:77b3%4\\d", "Retry_2": "3", "empty-like": "none of it"}
COUNT = 300


@pytest.mark.feature(Feature.HEADERS)
def test_headers_are_read_by_another_client(lab: Lab) -> None:
    trial = lab.trial({"a": 1, "b": 1}, producers=2)
    trial.headers = HEADERS
    trial.sink("a")
    with reading(lab.case.driver_name, trial) as read:
        sources = [trial.source(index, lanes) for index, lanes in enumerate(_lanes(trial))]
        for source in sources:
            trial.send(source, 2)
        trial.settle_down()
        for _ in range(2 * len(sources)):
            told = read()
            assert {name: told.get(name) for name in HEADERS} == HEADERS
    for source in sources:
        trial.send(source, COUNT)
    trial.settle_down()  # each body was compared with what was sent
    assert trial.received("a") == {(each.index, sequence): 1 for each in sources for sequence in each.taken}


def _lanes(trial: Trial) -> list[int]:
    """Of its producers: one, and two where a producer of this driver can have them, since that is code of its own."""
    driver = trial.driver
    several = isinstance(driver, Laned) and driver.most_lanes(trial.session(0, None).client, trial.settings) > 1
    return [1, 2] if several else [1]


@pytest.mark.feature(Feature.HEADERS)
def test_where_none_are_asked_there_are_none(lab: Lab) -> None:
    trial = lab.trial({"a": 1, "b": 1})
    with reading(lab.case.driver_name, trial) as read:
        trial.send(trial.source(), 1)
        trial.settle_down()
        assert not read().keys() & HEADERS.keys()
