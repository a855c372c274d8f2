"""One trial against the simulated broker over a socket, with the broker's own account of it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brokerbench.model import Broker
from brokerbench_analysis import load
from tests.support.running import AT_LEAST, planned, run, scenario
from tests.support.truth import Truth

__all__ = ["SIMULATED", "run_loopback"]

SIMULATED = "simulated"


def run_loopback(
    results: Path,
    settings: Mapping[str, Any],
    *,
    rate: str | None,
    warmup: str = "1s",
    steady: str = "4s",
    observe: Callable[[str, dict[str, Any]], None] = lambda kind, about: None,
) -> Truth:
    """`settings` in base units."""
    broker = Broker(driver=SIMULATED, settings={**settings, "save_account": True})
    asked = scenario({"it": broker}, rate=rate, warmup=warmup, steady=steady, drain="10s", guarantee=AT_LEAST)
    folder = run(asked, results, observe=observe)
    trial = planned(folder)[0]["id"]  # a repeat, where this machine was disturbed, has an account of its own
    account = next(folder.glob(f"servers/**/bb.*.{trial}.json"))
    with np.load(account.with_suffix(".npz")) as columns:
        times = {name: columns[name] for name in columns.files}
    return Truth(folder, load(folder), json.loads(account.read_text()), times)
