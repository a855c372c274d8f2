"""Run folders that a page must cope with, written once for all tests of this room."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis import Study, load
from brokerbench_reports import render
from tests.analysis.folders import Behaviour, Broker, write_run
from tests.reports.browser import chromium
from tests.reports.rich import BROKERS, QUESTION, enriched

HERE = Path(__file__).parent
SLO = [
    {"metric": "end_to_end.p99", "op": "<", "value": 10.0, "text": "end_to_end.p99: < 10ms"},
    {"metric": "lost", "op": "=", "value": 0.0, "text": "lost: 0"},
]
KAFKA = Broker("kafka", Behaviour(end_to_end_ms=8, confirm_ms=4, broker_cpu=0.5))
NATS = Broker("jetstream", Behaviour(end_to_end_ms=1.2, confirm_ms=0.7), survives="broker-kill")
LOSSY = Broker("rabbitmq-classic", Behaviour(lost=37, duplicates=4))
SLOW = Broker("overloaded", Behaviour(delivered_share=0.7, producer_busy=0.93))
OUT = Broker("nats-core", excluded="nats core has no publisher confirms; use guarantee: at-most-once")
FLOOR = Broker(
    "zeromq",
    Behaviour(end_to_end_ms=0.2, confirms=False, counters=False, broker_cpu=None),
    role="floor",
    guarantee="at-most-once",
)
LONG = [
    Broker(f"rabbitmq-quorum-three-nodes-prefetch-{n}-confirms-on", Behaviour(end_to_end_ms=1 + n)) for n in range(8)
]

CASES: dict[str, tuple[list[Broker], dict[str, Any]]] = {
    "mixed": ([KAFKA, NATS, LOSSY, SLOW, OUT, FLOOR], {"slo": SLO, "groups": {"billing": 1, "audit": 2}}),
    "one": ([KAFKA], {"blocks": 1, "smoke": True}),
    "invalid": ([SLOW], {"blocks": 2}),
    "eight": (LONG, {"blocks": 5, "rate": 200}),
    "lost": ([KAFKA, NATS, Broker("redis-lossy", Behaviour(lost=1))], {"slo": SLO}),
    "undecided": ([KAFKA, Broker("artemis", Behaviour(end_to_end_ms=8.6, confirm_ms=4, spread=0.3))], {"slo": SLO}),
    "alone": ([KAFKA], {"blocks": 3, "slo": SLO}),
    "excluded": ([OUT, Broker("kafka", excluded="no Java 17 or later; install it with: apt install default-jre")], {}),
    "saturate": ([KAFKA, NATS], {"model": "saturate", "blocks": 2}),
    "rich": (BROKERS, QUESTION),
    "killed": ([KAFKA, Broker("jetstream", states={2: "running", 3: "planned"})], {"status": "interrupted"}),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test asks for a folder first waits until its trials are written, 40 of them with eight candidates: that
    takes minutes where several hands share two cores, and is no fault of what the test looks at."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


def studied(case: str, folder: Path) -> Study:
    """As a report reads it; the rich one has more said of it than its folder would."""
    study = load(folder)
    return enriched(study) if case == "rich" else study


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Case -> its run folder with report.html in it; not to be changed."""
    root = tmp_path_factory.mktemp("runs")

    @cache
    def folder(case: str) -> Path:
        brokers, question = CASES[case]
        home = write_run(root / f"20261123-170000_{case}", brokers, **{"rate": 300, **question})
        (home / "report.html").write_text(render(studied(case, home)), encoding="utf-8")
        return home

    return folder


@pytest.fixture(scope="session")
def study_of(folder_of: Callable[[str], Path]) -> Callable[[str], Study]:
    return cache(lambda case: studied(case, folder_of(case)))


@pytest.fixture(scope="session")
def page_of(folder_of: Callable[[str], Path]) -> Callable[[str], str]:
    return cache(lambda case: (folder_of(case) / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")  # a browser that has died is one module's
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running
