"""JUnit XML of one run: what CI counts is what the page says."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

from brokerbench_analysis import Study, load
from brokerbench_reports import render
from brokerbench_reports.junit import Case, junit
from tests.analysis.folders import Behaviour, Broker, write_run


def cases(text: str) -> dict[tuple[str, str], str]:
    """(class, name) -> what stands in it first."""
    suite = ET.fromstring(text)[0]
    found = {(str(c.get("classname")), str(c.get("name"))): c[0].tag for c in suite}
    tags = list(found.values())
    counted = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    assert {name: suite.get(name) for name in counted.values()} == {n: str(tags.count(t)) for t, n in counted.items()}
    assert suite.get("tests") == str(len(suite)) == str(len(found))
    return found


def test_conditions_trials_and_the_excluded(tmp_path: Path) -> None:
    slo = [
        {"metric": "lost", "op": "=", "value": 0.0, "text": "0"},
        {"metric": "end_to_end.p50", "op": "<", "value": 3.0, "text": "< 3ms"},
    ]
    brokers = [Broker("good"), Broker("slow", Behaviour(end_to_end_ms=9, lost=2)), Broker("out", excluded="cannot")]
    found = cases(render(load(write_run(tmp_path / "run", brokers, rate=200, blocks=1, slo=slo)), "junit"))
    assert found["good", "lost: 0"] == found["good", "end_to_end.p50: < 3ms"] == "system-out"
    assert found["slow", "lost: 0"] == found["slow", "end_to_end.p50: < 3ms"] == "failure"
    assert found["out", "takes part"] == "skipped"


def test_a_trial_that_is_not_valid_is_an_error(study_of: Callable[[str], Study]) -> None:
    study = study_of("mixed")
    found = cases(render(study, "junit"))
    for name, candidate in study.summary["candidates"].items():
        for trial in candidate["trials"]:
            invalid = trial["validity"]["state"] == "invalid"
            assert found[name, f"{trial['id']} is valid"] == ("error" if invalid else "system-out")


def test_what_xml_cannot_hold_is_shown() -> None:
    text = junit("a\x00b", [Case("<c>", "n\u202e", "failed", '"]]>\x1b[31m')])
    suite = ET.fromstring(text)[0]
    assert "\x00" not in text
    assert "\x1b" not in text
    assert suite[0].get("classname") == "<c>"
    assert "]]>" in str(suite[0][0].text)
