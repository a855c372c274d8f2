"""One honest sentence, and the ranking behind it. What cannot be ranked is listed with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from brokerbench.model import Stage

from .candidates import Candidate
from .claims import Comparison, clause
from .folder import Json
from .metrics import Metric, spread, told, value_of
from .needs import lacking
from .words import article, counted, digits

__all__ = ["Verdict", "conclude", "why_unranked"]

_FLOOR = "the floor: exempt from promise and rank, shown for scale"
_WAITING = "not measured yet"
_TOLD_FIRST = ("better", "worse", "no-difference", "undecided", "not-comparable")


@dataclass(frozen=True)
class Verdict:
    """`ranking` is best first; `claims` one clause for each tested comparison; `notes` what else must be known."""

    sentence: str
    ranking: tuple[Json, ...] = ()
    unranked: tuple[Json, ...] = ()
    claims: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def record(self) -> Json:
        return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()}


def conclude(
    run: Json, candidates: Sequence[Candidate], of: Metric, leader: Candidate | None, found: Sequence[Comparison]
) -> Verdict:
    ranked = [c for c in candidates if why_unranked(c, of) is None]
    rows = sorted((_row(c, of) for c in ranked), key=lambda row: _best_first(row, of, leader))
    tested = {c.b: c for c in found if c.primary}
    for place, row in enumerate(rows, 1):
        versus = tested.get(row["candidate"])
        row["rank"] = place
        row["claim"] = None if versus is None else versus.claim
    unranked = [{"candidate": c.name, "why": why} for c in candidates if (why := why_unranked(c, of)) is not None]
    names = {row["candidate"] for row in rows}
    told = [c for c in tested.values() if c.claim != "not-comparable" or c.b in names]
    claims = tuple(clause(c) for c in sorted(told, key=lambda c: _TOLD_FIRST.index(c.claim)))
    sentence = _sentence(
        run, rows, unranked, [tested[r["candidate"]] for r in rows if r["candidate"] in tested], of, claims
    )
    return Verdict(sentence, tuple(rows), tuple(unranked), claims, tuple(_notes(run, candidates, unranked)))


def why_unranked(candidate: Candidate, of: Metric) -> str | None:
    """None for a candidate that takes part in the ranking."""
    if candidate.excluded is not None:
        return f"excluded: {candidate.excluded}"
    if candidate.floor:
        return _FLOOR
    if lacks := lacking(candidate.needs):
        return f"does not have what the scenario needs: {'; '.join(f'{each.need} ({each.says})' for each in lacks)}"
    return _unfit_figures(candidate, of) if candidate.usable else _no_figures(candidate)


def _unfit_figures(candidate: Candidate, of: Metric) -> str | None:
    if not candidate.matched:
        return "promises less than was asked"
    if candidate.broken_promise:
        return f"lost {candidate.broken_promise:,} of {candidate.owed:,} promised messages"
    missing = f"its {of.words} was not measured, or too few messages support it"
    return candidate.uncarried or (None if candidate.values(of) else missing)


def _no_figures(candidate: Candidate) -> str:
    return f"no valid trial: {_first_reason(candidate.counted)}" if candidate.counted else _WAITING


def _row(candidate: Candidate, of: Metric) -> Json:
    """`value` is of all usable trials merged, `low` and `high` the least and the most of single trials."""
    each = list(candidate.values(of).values())
    (low, low_at_least), (high, high_at_least) = spread(each)
    value, bound = value_of(candidate.merged or {}, of)
    row: dict[str, Any] = {
        "candidate": candidate.name,
        "metric": of.name,
        "value": value,
        "at_least": bound,
        "unit": of.unit,
    }
    row |= {"low": low, "low_at_least": low_at_least, "high": high, "high_at_least": high_at_least}
    return row | {"trials": len(each)}


def _best_first(row: Json, of: Metric, leader: Candidate | None) -> tuple[bool, bool, float]:
    value = row["value"] or 0.0
    is_leader = leader is not None and row["candidate"] == leader.name
    return (not is_leader, bool(row["at_least"]), -value if of.higher_is_better else value)


def _sentence(
    run: Json,
    rows: Sequence[Json],
    unranked: Sequence[Json],
    versus: Sequence[Comparison],
    of: Metric,
    claims: Sequence[str],
) -> str:
    """The effect first, then the figure itself."""
    at = _load_words(run)
    if not rows:
        return _nothing(run, unranked)
    if run.get("smoke"):
        shown = ", ".join(f"{row['candidate']} {_value(row, of)}" for row in rows)
        return f"Smoke run, no claim: {of.words} {shown}."
    first = rows[0]
    if len(rows) == 1:
        had = f"{at} {first['candidate']} had {article(of.words)} of {_spread(first, of)}"
        return f"{had}; nothing else could be ranked."
    at, best = at + _over_blocks(versus), "highest" if of.higher_is_better else "lowest"
    kinds, told = {c.claim for c in versus}, "; ".join(claims)
    if "better" not in kinds:
        none = f"{at} no candidate is shown to be best by {of.words}"
        return f"{none}; {first['candidate']} measured {_spread(first, of)}: {told}."
    verb = "has" if kinds == {"better"} else "measured"
    return f"{at} {first['candidate']} {told}. It {verb} the {best} {of.words}: {_spread(first, of)}."


def _over_blocks(versus: Sequence[Comparison]) -> str:
    """Of those that share a block with the leader; nothing where none does."""
    counts = [c.blocks for c in versus if c.blocks]
    if not counts:
        return ""
    least, most = min(counts), max(counts)
    return f" over {least if least == most else f'{least} to {most}'} block{'' if most == 1 else 's'}"


def _nothing(run: Json, unranked: Sequence[Json]) -> str:
    reasons = [row for row in unranked if row["why"] != _FLOOR]
    waiting = [row for row in reasons if row["why"] == _WAITING]
    if reasons and len(waiting) == len(reasons) and run.get("status") == "running":
        return "No verdict yet: no trial has finished."
    told = "; ".join(f"{row['candidate']}: {row['why']}" for row in reasons) or "the scenario names no candidate"
    return f"No verdict: nothing valid to compare ({told})."


def _load_words(run: Json) -> str:
    load = run["scenario"]["load"]
    if load["model"] == "closed":
        return f"With {counted(load['users'])} users"
    if load["model"] != "open":
        return "At full load"
    stages = [Stage.from_base(stage) for stage in load["stages"]]
    rate = stages[0].rate_msgs_s  # None of a stage that is not steady
    if rate is None or any(stage.rate_msgs_s != rate for stage in stages):
        return "With the load asked"
    return f"At {counted(rate)} msg/s"


def _value(row: Json, of: Metric) -> str:
    return told(row["value"], row["at_least"], of)


def _spread(row: Json, of: Metric) -> str:
    if row["trials"] < 2:
        return f"{_value(row, of)}, one trial"
    places = 4 if of.higher_is_better else 3
    low, high = digits(row["low"], places), digits(row["high"], places)
    between = f"{low} to at least {high}" if row["high_at_least"] else f"{low}–{high}"
    if row["low_at_least"]:
        between = f"each at least {low}"
    return f"{_value(row, of)}, {between} over {row['trials']} trials"


def _notes(run: Json, candidates: Sequence[Candidate], unranked: Sequence[Json]) -> list[str]:
    notes = [f"{row['candidate']}: {row['why']}" for row in unranked]
    for c in candidates:
        bad = [t for t in c.counted if not t.usable]
        if bad and c.usable:
            notes.append(f"{c.name}: {len(bad)} of {len(c.counted)} trials are not valid ({_first_reason(bad)})")
        if c.lost and not c.broken_promise:
            notes.append(f"{c.name}: lost {c.lost:,} messages, which its guarantee allows")
    ended = sum(len(c.trials) for c in candidates)
    planned = sum(entry.get("state") != "skipped" for entry in run["trials"])  # those the first look made needless
    if ended < planned:
        notes.append(f"{ended} of {planned} trials have ended ({run['status']})")
    return notes


def _first_reason(trials: Sequence[Any]) -> str:
    reasons = trials[0].validity.reasons
    return reasons[0].text if reasons else "no reason was recorded"
