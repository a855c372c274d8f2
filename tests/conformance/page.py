"""docs/brokers.md, from what the drivers declare and the conformance suite proves: `python -m tests.conformance.page`.

A declared feature is one that the suite asks of a real server, so the table is no opinion. Versions are those that
`docs/versions.json` names: a run of the suite with --write-versions writes what its servers reported.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import brokerbench_drivers
from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import SURVIVES_ORDER, Delivery, Promise, ServerKind, Survives
from tests.conformance.cases import CASES, Case
from tests.conformance.lab import scenario, strongest

__all__ = ["NO_BROKERS", "PAGE", "VERSIONS", "page", "promises"]

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE, VERSIONS = DOCS / "brokers.md", DOCS / "versions.json"
NO_BROKERS = {"null", "simulated"}  # they measure the generator, and the suite itself
HOW = {
    ServerKind.EMBEDDED: "comes with pip",
    ServerKind.NATIVE: "what is installed",
    ServerKind.COMPOSE: "Compose",
}
HEAD = """\
# Brokers
Written by `python -m tests.conformance.page`; do not edit. Every feature below is one that the conformance suite asks
of a real server, for each client and flavour; what is not declared is not there, or not proved.

OpenWire and JMS are Java's own: they are not measured from Python. ActiveMQ is measured through STOMP and AMQP 1.0,
which a Python application would use; a Java application's figures will differ, its broker's limits less so.
"""


def page(versions: dict[str, dict[str, str]]) -> str:
    cases = [case for case in CASES if case.driver_name not in NO_BROKERS]
    return (
        "\n".join(
            [
                HEAD,
                *_servers(cases),
                "",
                *_features(cases),
                "",
                *_survival(cases),
                "",
                *_words(cases),
                "",
                *_versions(versions),
            ]
        )
        + "\n"
    )


def _names(cases: list[Case]) -> list[str]:
    return list(dict.fromkeys(case.driver_name for case in cases))


def _servers(cases: list[Case]) -> Iterator[str]:
    yield "## Servers and clients"
    yield "| driver | clients (fast ones marked) | server | by url |"
    yield "| --- | --- | --- | --- |"
    for name in _names(cases):
        driver = brokerbench_drivers.load(name)
        clients = ", ".join(f"{each} (fast)" if each in driver.fast_clients else each for each in driver.clients)
        servers = ", ".join(f"{kind.value}: {HOW[kind]}" for kind in driver.servers)
        yield f"| {name} ({driver.title}) | {clients} | {servers} | {_url(name)} |"


def _url(name: str) -> str:
    case = next(case for case in CASES if case.driver_name == name)
    return "a library: none" if case.brokerless else f"`{case.url.format(port='PORT')}`"


def _features(cases: list[Case]) -> Iterator[str]:
    features = list(Feature)
    yield "## Features"
    yield f"| driver, flavour | clients | {' | '.join(features)} |"
    yield f"| --- | --- |{' --- |' * len(features)}"
    rows: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        rows.setdefault((case.driver_name, case.flavour.name), []).append(case)
    for (name, flavour), same in rows.items():
        marks = " | ".join("yes" if feature in same[0].features else "–" for feature in features)
        yield f"| {name}, {flavour} | {', '.join(case.client for case in same)} | {marks} |"


def _survival(cases: list[Case]) -> Iterator[str]:
    yield "## What a promised message survives"
    yield "Asked of the driver for each class, with the flavour's settings; what they leave open is chosen to hold it."
    yield ""
    yield f"| driver, flavour | {' | '.join(survives.value for survives in SURVIVES_ORDER)} |"
    yield f"| --- |{' --- |' * len(SURVIVES_ORDER)}"
    seen = set()
    for case in cases:
        row = (case.driver_name, case.flavour.name)
        if row not in seen:
            seen.add(row)
            kept = " | ".join("yes" if promises(case, survives) else "–" for survives in SURVIVES_ORDER)
            yield f"| {', '.join(row)} | {kept} |"


def _words(cases: list[Case]) -> Iterator[str]:
    yield "## What our words become"
    yield "The driver's notes on a promise that survives nothing; `validate` and the report print those of each run."
    seen = set()
    for case in cases:
        row = (case.driver_name, case.flavour.name)
        if row not in seen:
            seen.add(row)
            notes = _promise(case, Survives.NOTHING).notes
            yield f"- **{', '.join(row)}**: {'; '.join(notes) or 'nothing to add'}"


def promises(case: Case, survives: Survives) -> bool:
    try:
        _promise(case, survives)
    except CannotPromise:
        return False
    return True


def _promise(case: Case, survives: Survives) -> Promise:
    delivery = Delivery(guarantee=strongest(case), survives=survives)
    asked = scenario(case, {"a": 1}, delivery)
    return case.driver.promise(case.settings, delivery, asked, case.flavour.server.nodes)


def _versions(versions: dict[str, dict[str, str]]) -> Iterator[str]:
    yield "## Versions"
    yield "What the servers reported when the suite last ran on all of them; dates where the driver has a source."
    yield ""
    yield "| driver, flavour | version | released | support ends |"
    yield "| --- | --- | --- | --- |"
    for flavour, facts in sorted(versions.items()):
        dates = " | ".join(facts.get(name, "not known") for name in ("released", "support_ends"))
        yield f"| {flavour} | {facts['version']} | {dates} |"


def main() -> None:
    PAGE.write_text(page(json.loads(VERSIONS.read_text(encoding="utf-8"))), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")


if __name__ == "__main__":
    main()
