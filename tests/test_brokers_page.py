"""docs/brokers.md is what the drivers declare, and whatever they declare the suite asks of a real server."""

import json
import re
from pathlib import Path

import pytest

from brokerbench.contract import Feature
from tests.conformance.cases import CASES
from tests.conformance.page import NO_BROKERS, PAGE, VERSIONS, page

SUITE = sorted((Path(__file__).parent / "conformance").glob("test_*.py"))


def test_the_page_is_what_the_drivers_declare() -> None:
    versions = json.loads(VERSIONS.read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == page(versions), "run: python -m tests.conformance.page"


def test_each_flavour_has_the_version_it_ran_on() -> None:
    """A run of the suite with --write-versions writes it."""
    flavours = {f"{case.driver_name}, {case.flavour.name}" for case in CASES if case.driver_name not in NO_BROKERS}
    assert json.loads(VERSIONS.read_text(encoding="utf-8")).keys() == flavours


@pytest.mark.parametrize("feature", list(Feature))
def test_each_feature_is_asked_of_a_server(feature: Feature) -> None:
    """By tests that run for the cases that declare it, or ask more of them: else a declaration would be a claim."""
    suite = "".join(path.read_text(encoding="utf-8") for path in SUITE)
    asked = re.findall(r"(?:mark\.feature\(|\bif )Feature\.([A-Z_]+)", suite)
    assert feature.name in asked
