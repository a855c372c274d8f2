"""For all tests: which run in one worker, and that nothing is skipped where everything is required."""

import os
from typing import Any

import pytest

REQUIRED = os.environ.get("BROKERBENCH_REQUIRE") == "all"
_skipped: list[str] = []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several workers a file stays in one of them, so that its servers start once. Conformance goes by driver and
    client instead: there each test stands for all drivers."""
    from xdist.scheduler import LoadScopeScheduling

    class ByServer(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            path, _, test = nodeid.partition("::")
            case = test.partition("[")[2]
            return "-".join(case.split("-")[:2]) if path.startswith("tests/conformance/") and case else path

    return ByServer(config, log)


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
