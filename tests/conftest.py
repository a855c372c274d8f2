"""For all tests: which run in one worker, and that nothing is skipped where everything is required."""

import os
from pathlib import Path

import pytest

REQUIRED = os.environ.get("BROKERBENCH_REQUIRE") == "all"
_skipped: list[str] = []


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers a file stays in one of them, so that its servers start once. Conformance goes by driver and
    client instead: there each test stands for all drivers."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
        group = f"{case.driver_name}-{case.client}" if hasattr(case, "driver_name") else Path(item.path).stem
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped or hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if REQUIRED and _skipped and not os.environ.get("PYTEST_XDIST_WORKER"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if REQUIRED and _skipped:
        terminalreporter.section("BROKERBENCH_REQUIRE=all allows no skip", red=True)
        for nodeid in _skipped:
            terminalreporter.line(nodeid)
