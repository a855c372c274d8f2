"""A plugin: `BROKERBENCH_MUTANT=NAME pytest -p tests.conformance.mutated tests/conformance` tries one mutant.

It runs for this one case, with deadlines that a fault meets sooner, and only the test that must find the fault: what
others find of it proves nothing more, and takes their time. NAME none: the whole suite on the same case, unharmed.
"""

import dataclasses
import os
from typing import Any

import pytest

import brokerbench_drivers
from brokerbench.contract import Driver
from tests.conformance import cases, lab
from tests.conformance.mutants import MUTANTS, Mutant, close_the_unclosed

__all__ = ["CASE", "NONE"]

NONE = "none"
CASE = next(c for c in cases.CASES if (c.driver_name, c.flavour.name) == ("nats", "jetstream-memory"))
DEADLINE_S = 15.0  # far above the 3 s after which JetStream brings again what nobody settled


def _mutate(name: str) -> None:
    """Before the suite is imported: what it takes over from here is what it will run."""
    cases.CASES = (CASE,)
    if name == NONE:
        return
    cases.CASES = (dataclasses.replace(CASE, flavour=dataclasses.replace(CASE.flavour, again_s=DEADLINE_S)),)
    lab.DEADLINE_S = DEADLINE_S
    waits: Any = lab.until
    waits.__kwdefaults__["deadline_s"] = DEADLINE_S
    load = brokerbench_drivers.load
    mutant: Any = Mutant(load(CASE.driver_name), MUTANTS[name])

    def either(driver_name: str) -> Driver:
        return mutant if driver_name == CASE.driver_name else load(driver_name)  # type: ignore[no-any-return]

    brokerbench_drivers.load = either


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that ask a driver with a server: a server's stand-in is not what is mutated."""
    items[:] = [item for item in items if "lab" in getattr(item, "fixturenames", ()) and _asked(item)]


def _asked(item: pytest.Item) -> bool:
    name = os.environ["BROKERBENCH_MUTANT"]
    return name == NONE or item.name.partition("[")[0] == MUTANTS[name].test


@pytest.fixture(autouse=True)
def _up(request: pytest.FixtureRequest) -> None:
    """The server has started before a test's time begins."""
    of_test: lab.Lab = request.getfixturevalue("lab")  # by name: an argument would give it to tests that do not ask
    of_test.server(of_test.case.settings)


def pytest_unconfigure() -> None:
    close_the_unclosed()


_mutate(os.environ["BROKERBENCH_MUTANT"])
