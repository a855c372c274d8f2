"""Every test with a `case` runs for each driver, client and flavour that declares (or lacks) what the test is about."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from brokerbench.servers import Guardian, Host, NotAvailable, Server, ServerRecipe
from tests.conformance.cases import CASES, Case
from tests.conformance.lab import Lab, until
from tests.conformance.page import NO_BROKERS, VERSIONS, promises
from tests.support.absent import recipe_of

MAKING_S = 900  # a version that the machine does not have is made first, by one worker; the others wait for it
MARKS = {
    "feature(name): runs for the cases that declare this feature",
    "without(name): runs for the cases that do not declare this feature",
    "flavour(name): runs for the flavours of which this is true",
    "promises(survives): runs for the cases of one node that can promise this; several nodes may do so by copies",
    "brokered: runs for the cases with a server",
    "once: runs for the first flavour of each driver and client",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-versions", action="store_true", help="what the servers report goes to docs/versions.json")


def pytest_configure(config: pytest.Config) -> None:
    for mark in MARKS:
        config.addinivalue_line("markers", mark)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        fitting = [case for case in CASES if _fits(case, metafunc.definition)]
        metafunc.parametrize("case", fitting, ids=[case.id for case in fitting])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of one case follow each other, so that each server starts once."""
    ours = {at: case for at, item in enumerate(items) if (case := _case(item)) is not None}
    for at, case in ours.items():
        if case.flavour.server.version is not None:
            items[at].add_marker(pytest.mark.timeout(MAKING_S))
    ordered = [items[at] for at in sorted(ours, key=lambda at: CASES.index(ours[at]))]
    for at, item in zip(ours, ordered, strict=True):
        items[at] = item


def _case(item: pytest.Item) -> Case | None:
    case = item.callspec.params.get("case") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
    return case if isinstance(case, Case) else None


def _fits(case: Case, test: pytest.Item) -> bool:
    asked = {mark.args[0] for mark in test.iter_markers("feature")}
    lacking = {mark.args[0] for mark in test.iter_markers("without")}
    flavour = {mark.args[0] for mark in test.iter_markers("flavour")}
    asked_to_survive = [mark.args[0] for mark in test.iter_markers("promises")]
    if asked_to_survive and not (case.flavour.server.nodes == 1 and all(promises(case, it) for it in asked_to_survive)):
        return False
    if test.get_closest_marker("once") is not None and case != _first(case):
        return False
    brokered = test.get_closest_marker("brokered") is not None
    if (brokered and case.brokerless) or not all(getattr(case.flavour, name) for name in flavour):
        return False
    return asked <= case.features and not lacking & case.features


def _first(case: Case) -> Case:
    return next(each for each in CASES if (each.driver_name, each.client) == (case.driver_name, case.client))


class Servers:
    """One server at a time: cases that can share one follow each other, another one takes its place."""

    def __init__(self, guardian: Guardian, logs: Path) -> None:
        self._guardian = guardian
        self._logs = logs
        self._key: tuple[str, ...] | None = None
        self._recipe: ServerRecipe | None = None
        self._host: Host | None = None
        self._settings: Any = None
        self._server: Server | None = None

    def get(self, case: Case, settings: Any) -> Server:
        spec = case.flavour.server
        recipe = recipe_of(case.driver_name, case.client, settings, spec)
        key = (case.driver_name, spec.text, recipe.key(settings))
        if self._server is None or self._key != key:
            self.stop()  # what was killed and not restarted too
            self._host = self._guardian.host(f"{case.driver_name}", self._logs / case.driver_name)
            self._recipe, self._settings = recipe, settings
            try:
                self._server = recipe.start(self._host, settings)
            except NotAvailable as error:
                pytest.fail(f"{case.driver.title} did not start: {error}")
            self._key = key
        return self._server

    def kill(self) -> None:
        """Hard, as if the process had crashed; its data stays."""
        assert self._server is not None
        assert self._server.process is not None
        for process in self._server.processes:
            process.stop(0)
        self._server = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Its processes stand still meanwhile: what is answered now, no broker has answered."""
        assert self._server is not None
        pids = [pid for process in self._server.processes for pid in process.pids()]
        try:
            for pid in pids:
                _signal(pid, signal.SIGSTOP)
            until(lambda: all(map(_stands_still, pids)), "its processes stand still")  # a signal takes its time
            yield
        finally:
            for pid in pids:
                _signal(pid, signal.SIGCONT)

    def restart(self) -> Server:
        """The same server on the same data, at other ports perhaps."""
        assert self._recipe is not None
        assert self._host is not None
        self._server = self._recipe.start(self._host, self._settings)
        return self._server

    def stop(self) -> None:
        if self._host is not None:
            self._host.close(0)  # nobody needs its data any more, and a goodbye takes some seconds
        self._host = self._server = self._key = None


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # a child that came and went: RabbitMQ's shell asks df
        os.kill(pid, number)


def _stands_still(pid: int) -> bool:
    """Each of its threads: one that runs on answers on."""
    states = []
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended
            states.append(path.read_text().rpartition(")")[2].split()[0])
    return all(state in "TtZX" for state in states)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Guardian() as guardian:
        kept = Servers(guardian, tmp_path_factory.mktemp("servers"))
        yield kept
        kept.stop()


@pytest.fixture
def lab(case: Case, servers: Servers, request: pytest.FixtureRequest) -> Iterator[Lab]:
    made = Lab(case, servers.get)
    yield made
    if request.config.getoption("--write-versions"):
        _write_versions(made)
    made.close()


def _write_versions(lab: Lab) -> None:
    """Of one flavour; whoever runs the suite in one process gets all of them."""
    found = lab.facts()
    if found is None or lab.case.driver_name in NO_BROKERS:
        return
    told = json.loads(VERSIONS.read_text(encoding="utf-8")) if VERSIONS.exists() else {}
    kept = {name: found[name] for name in ("version", "released", "support_ends") if name in found}
    told[f"{lab.case.driver_name}, {lab.case.flavour.name}"] = kept
    VERSIONS.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
