"""Which clients can be Locust users: what `brokerbench.locust` says of each is held to what gevent does with it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.lab import Lab

ROOT = Path(__file__).parents[2]
REFUSED_S = 8.0  # a client that never comes back stops its loop too
DEADLINE_S = 90.0


def _stopping(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is no user's
    from brokerbench.locust import STOPS_GEVENT

    return set(STOPS_GEVENT)


def _ticked(lab: Lab, timeout_s: float) -> int:
    trial = lab.trial()
    told = {
        "driver": lab.case.driver_name,
        "client": lab.case.client,
        "settings": trial.settings.model_dump(),
        "endpoints": trial.endpoints.as_json(),
    }
    program = [sys.executable, "-m", "tests.support.under_gevent"]
    try:
        done = subprocess.run(
            program, input=json.dumps(told), cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        return 0
    return int(json.loads(done.stdout)["ticked"]) if done.returncode == 0 else 0


@pytest.mark.once
def test_others_go_on_while_a_client_waits_unless_it_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = (lab.case.driver_name, lab.case.client) in _stopping(monkeypatch)
    ticked = _ticked(lab, REFUSED_S if refused else DEADLINE_S)
    assert ticked == (0 if refused else 20)
