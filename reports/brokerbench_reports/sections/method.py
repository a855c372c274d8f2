"""How it was measured, in words, and the command that does it again."""

import shlex
from collections.abc import Mapping
from typing import Any

from .glossary import METHOD

__all__ = ["method"]


def method(run: Mapping[str, Any]) -> dict[str, Any]:
    name = run["scenario"]["scenario"]
    words = [
        "brokerbench",
        "run",
        f"{name}.yaml",
        *(["--short"] if run.get("smoke") else []),
        "--seed",
        str(run.get("seed")),
    ]
    return {
        "notes": METHOD,
        "again": "With the scenario file below in the working folder. The seed gives the same order of trials.",
        "command": " ".join(shlex.quote(word) for word in words),
        "scenario": run.get("scenario_text") or "",
    }
