"""`python -m tests.support.ahead`: what the tests' servers are made of is fetched side by side, before the first test.

What cannot be fetched here, the tests will tell.
"""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from brokerbench.servers import NotAvailable
from tests.conformance.cases import CASES, Case
from tests.support.absent import recipe_of
from tests.support.java_tools import JavaTools

__all__ = ["main"]


def main() -> None:
    """No driver waits for another's downloads."""
    by_driver: defaultdict[str, list[Case]] = defaultdict(list)
    for case in CASES:
        by_driver[case.driver_name].append(case)
    with ThreadPoolExecutor(len(by_driver) + 1) as pool:
        tools = pool.submit(_fetch_tools)
        list(pool.map(_fetch, by_driver.values()))
        tools.result()


def _fetch_tools() -> None:
    """JMeter and HdrHistogram's log tool, which read our exports."""
    with suppress(NotAvailable, pytest.skip.Exception, pytest.fail.Exception), TemporaryDirectory() as folder:
        _ = JavaTools(Path(folder)).java


def _fetch(cases: Sequence[Case]) -> None:
    for case in cases:
        with suppress(NotAvailable, pytest.skip.Exception, pytest.fail.Exception):
            recipe_of(case.driver_name, case.client, case.settings, case.flavour.server)


if __name__ == "__main__":
    main()
