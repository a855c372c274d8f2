"""The run folder on disk: what is finished is renamed into place, so a killed run keeps what it had."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["RunFolder", "TrialFolder", "now_iso", "write_json"]


def now_iso() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_json(path: Path, value: Any) -> None:
    """In one step: a reader finds the old content or the new, never half of it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(fresh, path)


class TrialFolder:
    """Written under a hidden name; `finish` seals it with the sums of its files and gives it its own name."""

    def __init__(self, trials: Path, trial_id: str) -> None:
        self._final = trials / trial_id
        self.path = trials / f".{trial_id}.unfinished"
        self.path.mkdir(parents=True)

    def json(self, name: str, value: Any) -> None:
        write_json(self.path / name, value)

    def lines(self, name: str, values: Iterable[Mapping[str, Any]]) -> None:
        with (self.path / name).open("w", encoding="utf-8") as out:
            for value in values:
                out.write(json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False) + "\n")

    def finish(self, record: dict[str, Any]) -> Path:
        for log in self.path.glob("*.log"):
            if log.stat().st_size == 0:
                log.unlink()
        files = sorted(p for p in self.path.iterdir() if p.is_file())
        sums = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
        self.json("trial.json", {**record, "files": sums})
        os.rename(self.path, self._final)
        return self._final


class RunFolder:
    """`results/<time>_<scenario>/`; `run` is the content of run.json."""

    def __init__(self, results: Path, scenario: str, run: dict[str, Any]) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        for extra in range(100):
            name = f"{stamp}_{scenario}" + (f"-{extra}" if extra else "")
            try:
                (results / name).mkdir(parents=True)
                break
            except FileExistsError:
                continue
        self.path = (results / name).resolve()
        self.run = run
        (self.path / "trials").mkdir()
        self.save()

    def save(self) -> None:
        write_json(self.path / "run.json", self.run)

    def logs(self, server: str) -> Path:
        return self.path / "servers" / server

    def trial(self, trial_id: str) -> TrialFolder:
        return TrialFolder(self.path / "trials", trial_id)

    def set_trial(self, trial_id: str, state: str, reason: str | None = None) -> None:
        entry = next(t for t in self.run["trials"] if t["id"] == trial_id)
        entry.update(state=state, reason=reason)
        self.save()

    def end(self, status: str) -> None:
        self.run.update(status=status, finished=now_iso())
        self.save()
