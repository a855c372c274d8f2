"""JUnit XML, as CI systems show it: one case for each thing that could fail.

The format has no schema of its own; written is what Jenkins and GitLab both read: testsuites, testsuite, testcase, and
in it failure, error or skipped with a message.
"""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from brokerbench_analysis import Study

from .words import clean

__all__ = ["Case", "as_junit", "junit"]


State = Literal["passed", "failed", "error", "skipped"]
_COUNTED: Mapping[State, str] = {"failed": "failures", "error": "errors", "skipped": "skipped"}
_TAGS = {"failed": "failure", "error": "error", "skipped": "skipped"}


@dataclass(frozen=True)
class Case:
    """`error`: nothing valid to judge by; `skipped`: not decided, or not asked of this candidate."""

    group: str
    name: str
    state: State
    text: str


def junit(suite: str, cases: Sequence[Case]) -> str:
    """One suite. What XML cannot hold (control characters) is made visible."""
    states = Counter(case.state for case in cases)
    counts = {"tests": str(len(cases))} | {name: str(states[state]) for state, name in _COUNTED.items()}
    root = ET.Element("testsuites", {"name": "brokerbench", **counts})
    inside = ET.SubElement(root, "testsuite", {"name": clean(suite), **counts})
    for case in cases:
        element = ET.SubElement(inside, "testcase", {"classname": clean(case.group), "name": clean(case.name)})
        if case.state in _TAGS:
            ET.SubElement(element, _TAGS[case.state], {"message": clean(case.text)}).text = clean(case.text)
        else:
            ET.SubElement(element, "system-out").text = clean(case.text)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def as_junit(study: Study) -> str:
    """Of one run: is each trial valid, and is each condition met by each candidate?"""
    return junit(study.summary["scenario"] or study.folder_name, list(_cases(study)))


def _cases(study: Study) -> Iterator[Case]:
    for name, candidate in study.summary["candidates"].items():
        if candidate["excluded"] is not None:
            yield Case(name, "takes part", "skipped", f"excluded: {candidate['excluded']}")
        for trial in candidate["trials"]:
            validity = trial["validity"]
            state: State = "error" if validity["state"] == "invalid" else "passed"
            yield Case(name, f"{trial['id']} is valid", state, "; ".join([validity["state"], *validity["reasons"]]))
    for row in study.summary["slo"]:
        yield _condition(row)


def _condition(row: Mapping[str, Any]) -> Case:
    found = (
        "not measured" if row["value"] is None else f"found {'at least ' if row['at_least'] else ''}{row['value']:g}"
    )
    if row["met"] is None:
        return Case(row["candidate"], row["slo"], "skipped", f"not decided: {found}")
    return Case(row["candidate"], row["slo"], "passed" if row["met"] else "failed", found)
