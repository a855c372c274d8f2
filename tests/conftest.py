"""For all tests: which run in one worker, and that nothing is skipped where everything is required."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

REQUIRED = os.environ.get("BROKERBENCH_REQUIRE") == "all"
# A Java server lives for a minute here, and a third of its CPU time would go into compiling for a long life. What it
# answers is the same; how fast it would get is not asked.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
# What takes minutes, so that no worker begins it when the others have nothing left. By the start of its scope.
LONGEST = (
    "rabbitmq-pika",
    "activemq-stomp.py",
    "kafka-confluent",
    "rabbitmq-",  # not all at once: they would wait for the same RabbitMQ 4 to be made
    "activemq-",
    "kafka-",
    "tests/brokerbench/test_run_",
    "tests/brokerbench/test_cli_up.py",
    "tests/brokerbench/test_locust.py",
    "tests/reports/test_outside.py",
    "tests/truth/",
    "tests/test_mutants.py",
    "tests/test_example_driver.py",
)
_skipped: list[str] = []


def _scope(nodeid: str) -> str:
    """The tests that stay in one worker: a file, so that its servers start once. Conformance goes by driver and client
    instead, since there each test stands for all drivers; runs that are drawn by chance have no server."""
    path, _, test = nodeid.partition("::")
    name, _, case = test.partition("[")
    if path.startswith("tests/conformance/") and case:
        return "-".join(case.split("-")[:2])
    return f"{path}::{name}" if path == "tests/truth/test_aa_runs.py" else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByServer(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid)

    return ByServer(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Scopes are handed out in the order of their first tests."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(_scope(item.nodeid)))


def _place(scope: str) -> int:
    return next((place for place, start in enumerate(LONGEST) if scope.startswith(start)), len(LONGEST))


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[None]:
    """No trial is made again: whether somebody takes this machine away from one is not for a test to hope for."""
    from brokerbench.engine import run as engine_run
    from brokerbench.engine.folder import TrialFolder
    from brokerbench.engine.trial import Outcome, TrialContext, run_trial

    def trial(context: TrialContext, folder: TrialFolder) -> Outcome:
        return replace(run_trial(context, folder), contaminated=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_run, "run_trial", trial)
        yield


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
