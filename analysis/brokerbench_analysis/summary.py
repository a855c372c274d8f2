"""summary.json: the canonical figures of a run, the machine's door (schema: docs/summary.schema.json)."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brokerbench.model import Pattern

from .advice import Advice, advise, with_proofs
from .candidates import Candidate, candidates_of
from .claims import Comparison
from .coding import coding_of
from .comparisons import compare, leader_of
from .decision import decide_between
from .folder import Json, read_run
from .limits import limit_of, warnings_of
from .measure import Measured, measure_all
from .metrics import Metric, metric
from .slo import evaluate
from .verdict import Verdict, conclude, why_unranked

__all__ = ["Analysis", "analyse", "write_summary"]

SCHEMA = 1


@dataclass(frozen=True)
class Analysis:
    run: Json
    trials: tuple[Measured, ...]
    candidates: tuple[Candidate, ...]
    verdict: Verdict
    summary: Json


def analyse(folder: Path) -> Analysis:
    """Everything that a run folder tells, finished or not. Raises FolderError where run.json cannot be used."""
    run = read_run(folder)
    trials = measure_all(folder, run)
    candidates = candidates_of(run, trials)
    primary = primary_of(run)
    ranked = [c for c in candidates if why_unranked(c, primary) is None]
    leader = leader_of(ranked, primary)
    others = [c for c in candidates if c is not leader and c.excluded is None and not c.floor]
    found = compare(leader, others, primary, run) if leader is not None else []
    verdict = conclude(run, candidates, primary, leader, found)
    advice = with_proofs(advise(run, candidates), folder, _proof)
    summary = finite(_summary(run, candidates, primary, found, verdict, advice))
    return Analysis(run, trials, tuple(candidates), verdict, summary)


def _proof(folder: Path) -> tuple[Json, Sequence[Candidate]]:
    """As much of a proof's folder as its advice is judged by."""
    run = read_run(folder)
    return run, candidates_of(run, measure_all(folder, run))


def write_summary(folder: Path) -> Json:
    """Analyse the folder as it stands and put summary.json there, whole or not at all."""
    summary = analyse(folder).summary
    target = folder / "summary.json"
    part = folder / f".summary.{os.getpid()}.part"
    try:
        part.write_text(json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return summary


def primary_of(run: Json) -> Metric:
    """What the scenario declares; else throughput where the load saturates, where messages are requests or
    users wait the response p99, end-to-end p99 where the rate is given."""
    scenario = run["scenario"]
    model, pattern = scenario["load"]["model"], (scenario.get("topology") or {}).get("pattern")
    default = {"open": "end_to_end.p99", "closed": "confirm.p99", "backlog": "drain_msgs_s"}.get(
        model, "delivered_msgs_s"
    )
    if pattern == Pattern.REQUEST_REPLY and model != "saturate":
        default = "response.p99"
    try:
        return metric(scenario.get("primary") or default)
    except ValueError:
        return metric(default)


def finite(value: Any) -> Any:
    """NaN and infinity are no figures: null."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _summary(
    run: Json,
    candidates: Sequence[Candidate],
    primary: Metric,
    found: Sequence[Comparison],
    verdict: Verdict,
    advice: Sequence[Advice],
) -> Json:
    scenario = run["scenario"]
    slos = evaluate(scenario.get("slo") or [], candidates)
    states = [str(entry.get("state")) for entry in run["trials"]]
    return {
        "schema": SCHEMA,
        "brokerbench": run.get("brokerbench"),
        "scenario": scenario.get("scenario"),
        "question": scenario.get("question") or None,
        "started": run.get("started"),
        "finished": run.get("finished"),
        "status": run["status"],
        "seed": run.get("seed"),
        "smoke": bool(run.get("smoke")),
        "environment": run["environment"],
        "primary": primary.name,
        "looks": run.get("looks"),
        "trial_states": {state: states.count(state) for state in dict.fromkeys(states)},
        "verdict": verdict.record(),
        "candidates": {c.name: _candidate(c, run) for c in candidates},
        "comparisons": [c.record() for c in found],
        "capacity": {},
        "slo": slos,
        "decision": decide_between(run, candidates, primary, found, verdict, slos).record(),
        "advice": [piece.record() for piece in advice],
    }


def _candidate(c: Candidate, run: Json) -> Json:
    ended = {t.files.id for t in c.trials}
    there = [e for e in run["trials"] if e["candidate"] == c.name and e.get("state") != "skipped"]
    waiting = [e for e in there if e["id"] not in ended]
    promise = c.about.get("promise") or {}
    ceiling = (run.get("ceilings") or {}).get(c.name)
    versions = sorted({str(t.files.facts["version"]) for t in c.trials if t.files.facts.get("version")})
    return {
        **{name: c.about.get(name) for name in ("driver", "title", "client", "server", "nodes", "role", "generator")},
        "broker_version": ", ".join(versions) or None,
        "guarantee": promise.get("guarantee"),
        "survives": promise.get("survives"),
        "promise_point": promise.get("point"),
        "promise_notes": list(promise.get("notes") or ()),
        "matched": c.matched,
        "excluded": c.excluded,
        "facts": c.facts,
        "message": (run.get("messages") or {}).get(c.name),
        "coding": coding_of(c, run),
        "ceiling": ceiling,
        "limit": limit_of(c, ceiling),
        "warnings": warnings_of(c, ceiling),
        "lost": c.lost,
        "merged": c.merged,
        "trials": [t.record for t in c.trials],
        "not_ended": [{"id": e["id"], "block": e.get("block"), "state": e.get("state")} for e in waiting],
    }
