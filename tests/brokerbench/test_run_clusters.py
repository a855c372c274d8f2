"""The shipped cluster scenarios: run to the end, accounts balanced, and the page says what the brokers reported."""

import html
from pathlib import Path

import pytest

from tests.reports.html import table_of
from tests.support.accounts import Accounts, run_short

pytestmark = pytest.mark.timeout(420)


def versions(finished: Accounts) -> str:
    page = Path(finished.folder / "report.html").read_text(encoding="utf-8")
    return html.unescape(table_of(page, "environment"))


def test_rabbitmq_mirrored_and_quorum(tmp_path):
    finished = run_short("rabbitmq-ha", tmp_path)
    assert finished.excluded == {}
    assert len(finished.names) == 4
    finished.balance()
    said = versions(finished)
    for name, nodes in (("two", "2"), ("three", "3")):
        mirrored, quorum = finished.facts(f"mirrored-{name}"), finished.facts(f"quorum-{name}")
        assert mirrored["policy"].startswith("ha-all")
        assert len(mirrored["nodes"].split(", ")) == int(nodes)
        assert mirrored["replicas"].startswith(nodes)
        assert quorum["replicas"].startswith(nodes)
        assert mirrored["policy"] in said
        assert quorum["replicas"] in said


def test_kafka_with_three_nodes(tmp_path):
    finished = run_short("kafka-three", tmp_path)
    assert finished.excluded == {}
    finished.balance()
    facts = finished.facts("three")
    assert facts["nodes"].startswith("3")
    assert facts["replicas"].startswith("3")
    assert finished.summary["candidates"]["three"]["survives"] == "node-loss"
    said = versions(finished)
    assert facts["nodes"] in said
    assert facts["replicas"] in said
