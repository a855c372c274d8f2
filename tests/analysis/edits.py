"""Changes to a run folder that was written: by a forger who knows about sums, or by time."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["age", "edit", "reseal"]

Json = dict[str, Any]


def reseal(home: Path, name: str) -> None:
    """Record the sha256 of an edited file, as a forger would who knows about it."""
    path = home / "trial.json"
    trial = json.loads(path.read_text())
    trial["files"][name] = hashlib.sha256((home / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(trial))


def edit(path: Path, change: Callable[[Any], None], row: int | None = None) -> None:
    """Change a JSON file, or one row of a .jsonl file, and record its new sha256 where there is one."""
    if row is None:
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        change(rows[row])
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    if path.parent.parent.name == "trials" and path.name != "trial.json":
        reseal(path.parent, path.name)


def age(folder: Path) -> None:
    """Take out what folders of the first version did not have."""

    def run(value: Json) -> None:
        for name in ("ceilings", "looks"):
            value.pop(name)
        for part, names in (("candidates", ("generator",)), ("trials", ("kind", "repeats"))):
            for row in value[part].values() if part == "candidates" else value[part]:
                for name in names:
                    row.pop(name)

    def trial(value: Json) -> None:
        for name in ("kind", "repeats", "contamination"):
            value.pop(name)
        value["load"].pop("arrivals")
        for child in (*value["producers"], *value["consumers"]):
            for name in (
                "spin_s",
                "hiccups",
                "by_one",
                "in_flight_mean",
                "in_window_received_sum_ns",
                "carried_in_max_ns",
            ):
                child.pop(name, None)
            child.pop("duplicates_flagged", None)
            if isinstance(child["in_window"], dict):
                child["in_window"].pop("due_sum_ns")

    def ledger(value: Json) -> None:
        for group in value["groups"].values():
            for name in ("fates", "duplicates_flagged"):
                group.pop(name)
            group["ids"].pop("refused_delivered")

    edit(folder / "run.json", run)
    for home in (folder / "trials").iterdir():
        edit(home / "trial.json", trial)
        edit(home / "ledger.json", ledger)
