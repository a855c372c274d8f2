"""The conformance suite finds each fault that a driver may have, by the test that is there for it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conformance.mutants import MUTANTS
from tests.support.absent import require

ROOT = Path(__file__).parent.parent
NONE = "none"
HANGS_S = 35  # a test that is still at it by then; its server's start is not counted
ALL_S = 400  # of one mutant, its start and its server included
pytestmark = [pytest.mark.broker("nats"), pytest.mark.timeout(2 * ALL_S)]


def failures(mutant: str, home: Path) -> Mapping[str, str | None]:
    """Each test that ran: None, or the text of its failure. Of a mutant, the one that is there for its fault."""
    report = home / f"{mutant}.xml"
    hangs = [] if mutant == NONE else ["--timeout", str(HANGS_S), "-o", "timeout_func_only=true"]
    words = ["-q", "-p", "tests.conformance.mutated", "-p", "no:cacheprovider", f"--junit-xml={report}", *hangs]
    env = {**os.environ, "BROKERBENCH_MUTANT": mutant, "PYTEST_ADDOPTS": ""}
    if mutant != NONE:  # what is to fail is not made again
        env["BROKERBENCH_REQUIRE"] = ""
    env.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "tests/conformance"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=ALL_S,
    )
    assert report.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    return dict(_told(ElementTree.parse(report)))


def _told(report: "ElementTree.ElementTree[ElementTree.Element]") -> Iterator[tuple[str, str | None]]:
    for case in report.iter("testcase"):
        if case.find("skipped") is None:
            wrong = [*case.iter("failure"), *case.iter("error")]
            texts = [f"{each.get('message')}\n{each.text}" for each in wrong]
            yield case.attrib["name"].partition("[")[0], "\n".join(texts) if wrong else None


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, "Future[Mapping[str, str | None]]"]]:
    """All of them, two at a time: most of it is waiting."""
    require("nats")
    home = tmp_path_factory.mktemp("mutants")
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {mutant: pool.submit(failures, mutant, home) for mutant in (NONE, *MUTANTS)}


def test_the_driver_itself_passes(told: Mapping[str, "Future[Mapping[str, str | None]]"]) -> None:
    found = told[NONE].result()
    assert {test: text for test, text in found.items() if text is not None} == {}
    assert {fault.test for fault in MUTANTS.values()} <= found.keys()


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_suite_finds_it(mutant: str, told: Mapping[str, "Future[Mapping[str, str | None]]"]) -> None:
    fault, found = MUTANTS[mutant], told[mutant].result()
    text = found[fault.test]
    assert text is not None, f"{fault.test} passes"
    assert fault.text in text, f"{fault.test} fails for another reason"
