"""Run folders to test on, written into pytest's own temporary folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis.folder import Json
from brokerbench_analysis.summary import analyse
from tests.analysis.folders import Behaviour, Broker, write_run

Run = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """run(Broker(...), ..., blocks=1) -> the folder."""
    made = []

    def write(*brokers: Broker, **question: Any) -> Path:
        made.append(tmp_path / f"20261123-170000_synthetic-{len(made)}")
        return write_run(made[-1], brokers, **question)

    return write


@pytest.fixture
def one_trial(run: Run) -> Callable[..., Json]:
    """one_trial(Behaviour(...), rate=...) -> the record of a single trial in summary.json."""

    def judge(behaviour: Behaviour = Behaviour(), **question: Any) -> Json:  # noqa: B008 (frozen)
        folder = run(Broker("nats", behaviour), blocks=1, **{"rate": 200, **question})
        record: Json = analyse(folder).summary["candidates"]["nats"]["trials"][0]
        return record

    return judge
