"""What follow-up runs said of a run's advice: old setting against new, in blocks, in `proofs/` of the run's folder.

Each proof is an ordinary run folder with a page of its own. Its candidates are steps: first as asked, then each piece
of advice on top of the ones before. `proof.json` beside its run.json names the steps.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from brokerbench_analysis.candidates import Candidate
from brokerbench_analysis.claims import Comparison
from brokerbench_analysis.comparisons import decide, unfit
from brokerbench_analysis.folder import FolderError, Json
from brokerbench_analysis.looks import Look, look_of, unfinished
from brokerbench_analysis.metrics import Metric, metric, with_margin
from brokerbench_analysis.statistics import ALPHA
from brokerbench_analysis.words import compared, counted, side

from .rule import Advice, Proof

__all__ = ["FOLDER", "NOTE", "note", "with_proofs"]

FOLDER, NOTE = "proofs", "proof.json"
_LEAST_BLOCKS = 3  # for a loss that is gone
Analyse = Callable[[Path], tuple[Json, Sequence[Candidate]]]


@dataclass(frozen=True)
class _Tried:
    candidate: str
    rule: str
    change: Mapping[str, str]
    proof: Proof

    def of(self, advice: Advice) -> bool:
        same = (advice.candidate, advice.rule.name, dict(advice.finding.change))
        return same == (self.candidate, self.rule, dict(self.change))


def with_proofs(advice: Sequence[Advice], folder: Path, analyse: Analyse) -> list[Advice]:
    """The same with what was tried of it; of several proofs the newest counts. `analyse`: folder -> run, candidates."""
    tried = [each for home in sorted((folder / FOLDER).glob("*/")) for each in _tried(home, analyse)]
    return [replace(one, proof=next((t.proof for t in reversed(tried) if t.of(one)), None)) for one in advice]


def _tried(home: Path, analyse: Analyse) -> Iterator[_Tried]:
    try:
        note = json.loads((home / NOTE).read_text(encoding="utf-8"))
        run, found = analyse(home)
        steps = [(str(s["arm"]), str(s["rule"]), dict(s["change"])) for s in note["steps"]]
        jams, candidate = bool(note["jams"]), str(note["candidate"])
    except (OSError, ValueError, KeyError, TypeError, FolderError):
        return  # no proof can be read there; the advice stays unproved
    arms = {one.name: one for one in found}
    names = [candidate, *(arm for arm, _, _ in steps)]
    if any(name not in arms for name in names):
        return
    judge = _Judge(run, f"{FOLDER}/{home.name}", jams, ALPHA / (len(steps) + (len(steps) > 1)))
    whole = judge.result(arms[names[0]], arms[names[-1]]).text if len(steps) > 1 else None
    before: list[str] = []
    for (old, new), (_, rule, change) in zip(pairwise(names), steps, strict=True):
        proof = judge.result(arms[old], arms[new])
        yield _Tried(candidate, rule, change, replace(proof, after="; ".join(before) or None, together=whole))
        before += [f"{key}={value}" for key, value in change.items()]


@dataclass(frozen=True)
class _Judge:
    """`alpha`: this comparison's share of the 5 % that all of the proof have (Bonferroni)."""

    run: Json
    folder: str
    jams: bool
    alpha: float

    def result(self, old: Candidate, new: Candidate) -> Proof:
        name = "delivered_msgs_s" if self.jams else "lost"
        empty = Proof(self.folder, name, False, None, None, None, "")
        why = "a smoke run" if self.run.get("smoke") else unfinished(self.run, look_of(self.run))
        if (why := why or unfit(new) or self._unfit(old)) is not None:
            return replace(empty, text=f"tried, without a result: {why}")
        return self._rate(empty, old, new) if self.jams else self._losses(empty, old, new)

    def _unfit(self, old: Candidate) -> str | None:
        """That the old setting loses is what is to be shown."""
        return None if not self.jams and old.usable else unfit(old)

    def _rate(self, empty: Proof, old: Candidate, new: Candidate) -> Proof:
        of = with_margin(metric(empty.metric), self.run["scenario"].get("margins"))
        values = {one.name: one.values(of) for one in (old, new)}
        (found,) = decide(values, new.name, of, Look(alpha=self.alpha), int(self.run.get("seed") or 0))
        text = _words(found, of)
        return replace(
            empty, shown=found.claim == "better", gain=found.ratio, low=found.low, high=found.high, text=text
        )

    def _losses(self, empty: Proof, old: Candidate, new: Candidate) -> Proof:
        """Shown where every block lost before, and none after: thousands of messages are no question of chance."""
        of = metric("lost")
        before, after = old.values(of), new.values(of)
        blocks = sorted(before.keys() & after.keys())
        lost, still = (sum(values[block][0] for block in blocks) for values in (before, after))
        each = all(before[block][0] > 0 and after[block][0] == 0 for block in blocks)
        said = f"{counted(lost)} messages lost before, {counted(still) if still else 'none'} after, over {len(blocks)}"
        shown = each and len(blocks) >= _LEAST_BLOCKS
        return replace(empty, shown=shown, text=f"{'' if shown else 'tried, not shown: '}{said} blocks")


def _words(found: Comparison, of: Metric) -> str:
    blocks = f"{found.blocks} blocks, {counted(round(100 * found.level, 2))} % interval"
    if found.claim == "not-comparable" or found.low is None or found.high is None:
        return f"tried, without a result: {found.why or 'one block has no interval'}"
    if found.claim == "better":
        return f"{of.words} {compared(found.low, found.high)} ({blocks})"
    if found.claim == "worse":
        return f"tried: {of.words} {compared(found.low, found.high)}, worse than before ({blocks})"
    ends = [side(end) for end in (found.low, found.high)]
    told = f"tried: no gain shown, {of.words} between {ends[0]} and {ends[1]} ({blocks})"
    return f"{told}; more blocks may tell" if found.left_open else told


def note(candidate: str, steps: Sequence[tuple[str, Mapping[str, Any]]], *, jams: bool) -> Json:
    """What proof.json holds: each step as its arm and the advice (as in summary.json) that it tries."""
    rows = [{"arm": arm, "rule": row["rule"], "change": row["change"]} for arm, row in steps]
    return {"schema": 1, "candidate": candidate, "jams": jams, "steps": rows}
