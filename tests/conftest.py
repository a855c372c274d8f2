"""For all tests: which run in one worker, that nothing is skipped where everything is required, and that a test from
which the machine was taken away is made again, as a trial is."""

import gc
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from brokerbench.engine.monitor import HostCpu
from brokerbench.model import STEAL_MOST
from tests.support.standstill import STILL_MOST_S, Standstill

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
ENDS = (KeyboardInterrupt, pytest.exit.Exception)
_AGAIN = "made again: "
_skipped: list[str] = []
_again: list[str] = []
_LONG_S = 1.0  # shares of a shorter time say little
_taken_in: dict[str, str] = {}  # modules whose own fixtures may have missed the machine, in words
_failed_before: dict[str, str] = {}  # tests that are being made again, with their first failures


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A test that failed while the hypervisor gave our CPUs to others, or while the machine stood still, is made once
    more, with its module's fixtures made anew; the summary names it."""
    if not REQUIRED:
        return None
    before = _failed_before.pop(item.nodeid, None)
    if before is None:
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    cpu, still, began = HostCpu(), _standstill(), time.monotonic()
    still.take()
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    taken, shared = _taken(cpu, still), _shared(item)
    if taken and shared and time.monotonic() - began > _LONG_S:
        _taken_in.setdefault(shared, f"{taken} in an earlier test of its module")
    taken = taken or _taken_in.get(shared, "")
    if nextitem is None or _shared(nextitem) != shared:
        _taken_in.clear()  # its fixtures go
    failed = [report for report in reports if report.failed and report.when != "teardown"]
    left = any(report.failed and report.when == "teardown" for report in reports)
    if failed and taken and not left and before is None:
        ended = pytest.CallInfo.from_call(partial(_tear_down, item.session), when="teardown", reraise=ENDS)
        if ended.excinfo is None:
            _failed_before[item.nodeid] = f"{_AGAIN}{item.nodeid}: {taken}\n{failed[0].longreprtext}"
            _taken_in.pop(shared, None)
            item._initrequest()  # type: ignore[attr-defined]
            # Through all plugins: its time limit, for one, begins anew.
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            return True
        reports.append(item.ihook.pytest_runtest_makereport(item=item, call=ended))
    if before is not None:
        reports[-1].sections.append((_AGAIN, before))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _tear_down(session: pytest.Session) -> None:
    """All but the session's own: what a test looked at may be a run of its module's."""
    session._setupstate.teardown_exact(session)  # type: ignore[arg-type]


def _shared(item: pytest.Item) -> str:
    """The module and its parameters, where the test looks at something that was made for all of it; else nothing."""
    used = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
    module = item.getparent(pytest.Module)
    made = [each[-1] for each in used if each[-1].scope == "module" and each[-1].argname != "undisturbed"]
    params = getattr(getattr(item, "callspec", None), "params", {})
    return ", ".join([module.nodeid, *(str(params.get(each.argname, "")) for each in made)]) if module and made else ""


def pytest_collection_finish() -> None:
    """The collector need not look at 8,000 tests again and again: then what tests leave is soon found."""
    gc.collect()
    gc.freeze()
    gc.collect()  # whose count of what lives long is what the next one waits for a quarter of


@cache
def _standstill() -> Standstill:
    return Standstill()


def _taken(cpu: HostCpu, still: Standstill) -> str:
    """How the machine was taken away since, in words, if it was."""
    share, longest_s = cpu.take().steal_share or 0.0, still.take()
    if share > STEAL_MOST:
        return f"{share:.1%} of the CPU time was stolen"
    return f"the machine stood still for {longest_s:.1f} s" if longest_s > STILL_MOST_S else ""


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
    _again.extend(text for name, text in report.sections if name == _AGAIN)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if REQUIRED and _standstill.cache_info().currsize:
        _standstill().close()
    if REQUIRED and _skipped and not os.environ.get("PYTEST_XDIST_WORKER"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _again:
        terminalreporter.section("made again, for the machine was taken away from them", yellow=True)
        for text in _again:
            terminalreporter.line(text[-3000:])
    if REQUIRED and _skipped:
        terminalreporter.section("BROKERBENCH_REQUIRE=all allows no skip", red=True)
        for nodeid in _skipped:
            terminalreporter.line(nodeid)
