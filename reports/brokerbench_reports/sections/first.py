"""The first screen: may the figures be trusted, who meets the need, which is best, how sure, and what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from brokerbench_analysis import Study
from brokerbench_analysis.actions import next_actions
from brokerbench_analysis.doubt import doubts
from brokerbench_analysis.metrics import Metric, metric, value_of
from brokerbench_analysis.outlook import certainty, meets
from brokerbench_reports.words import NOT_MEASURED, between, count, figure, plural

from .asked import promise_words
from .bars import with_bars
from .cells import Cell, Column, Record, counted, measured
from .decision import criteria_of
from .environment import version_age
from .machine import LIMIT, where
from .subjects import GENERATORS, Subject, readings
from .trials import latency_cell

__all__ = ["details", "first"]

Json = Mapping[str, Any]
_MANY = 3  # names or claims in one sentence
_CHANGES = 3  # of what would change the answer; the others have room further down


def first(study: Study, subjects: Sequence[Subject]) -> dict[str, Any]:
    of = metric(study.summary["primary"])
    rows = [_row(study, subject, of) for subject in _ordered(study, subjects)]
    return {
        "state": _state(subjects),
        "sentence": _short(study, subjects) or study.verdict.sentence,
        "answers": _answers(study),
        "columns": _columns(of),
        "rows": with_bars(rows),
        "facts": _facts(study),
        "actions": next_actions(study),
        "limit": LIMIT,
    }


def details(study: Study, subjects: Sequence[Subject]) -> list[str]:
    """What else must be known, unless the sentence or a row of a table says it."""
    rows = {f"{row['candidate']}: {row['why']}" for row in study.verdict.unranked}
    notes = [note for note in study.verdict.notes if note not in rows and note not in study.verdict.sentence]
    return [study.verdict.sentence, *notes] if _short(study, subjects) else notes


def _state(subjects: Sequence[Subject]) -> tuple[str, str, str]:
    """A badge for all trials together, the words beside it, and the badge's colour."""
    states = [str(trial["validity"]["state"]) for s in subjects for trial in s.counted]
    if not states:
        return "not measured", "Nothing was measured.", "plain"
    bad, doubtful = states.count("invalid"), states.count("suspect")
    if not bad and not doubtful:
        return (
            "valid",
            "The one trial is valid." if len(states) == 1 else f"All {len(states)} trials are valid.",
            "valid",
        )
    told = [f"{number} {word}" for number, word in ((doubtful, "suspect"), (bad, "invalid")) if number]
    valid = states.count("valid")
    word, colour = ("partly valid", "suspect") if valid else ("invalid", "invalid") if bad else ("suspect", "suspect")
    return word, f"{valid} of {plural(len(states), 'trial')} valid, {', '.join(told)}.", colour


def _doubtful(study: Study) -> str:
    """A sentence without figures, where a ranked candidate has no trial without an objection; else empty."""
    told = doubts(study.summary)
    return f"{told} The reasons stand below, with the figures." if told else ""


def _short(study: Study, subjects: Sequence[Subject]) -> str:
    """Instead of the verdict's own sentence, where that is a long list, or of figures in doubt; else empty."""
    if study.verdict.ranking:
        return _doubtful(study) or _of_many(study)
    if subjects and all(s.excluded for s in subjects):
        return "No answer: every candidate was excluded before the run."
    tried = [s for s in subjects if s.counted and not s.floor]
    if tried and not any(s.usable for s in tried):
        return "No answer: no candidate has a valid trial. The reasons stand below."
    return "No answer: no candidate could be ranked. The reasons stand below." if tried else ""


def _of_many(study: Study) -> str:
    """The nearest one by name, the others of its kind as a number, and what is open by name; empty where few are."""
    verdict = study.verdict
    if len(verdict.claims) <= _MANY:
        return ""
    tested = {row["b"]: row for row in study.summary["comparisons"] if row["primary"]}
    ranked = [tested[row["candidate"]] for row in verdict.ranking if row["candidate"] in tested]
    better = [row["text"] for row in ranked if row["claim"] == "better"]
    others = [row["text"] for row in ranked if row["claim"] not in {"better", "not-comparable"}]
    told = [
        f"{better[0]}, and is better than {len(better) - 1} more" if len(better) > 1 else each for each in better[:1]
    ]
    told += others if len(others) <= _CHANGES else [*others[:2], f"{len(others) - 2} more are open, under Claims"]
    return verdict.sentence.replace("; ".join(verdict.claims), "; ".join(told), 1) if told else ""


def _answers(study: Study) -> list[tuple[str, str]]:
    """Question and answer; nothing is said to meet a need where its figures cannot be relied on."""
    met, missed = meets(study)
    pairs = []
    if not _doubtful(study) and not study.summary["smoke"]:
        of = len(met) + len(missed)
        names = f"all {of}" if len(met) == of > _MANY else f"{', '.join(met) or 'none'} ({len(met)} of {of})"
        told = names if of else "no candidate was measured"
        pairs.append(("Meets the need", f"{told}. {_missed(missed)}".strip()))
    pairs.append(("How sure", certainty(study)))
    changes = study.summary["decision"]["would_change"]
    if changes and not _doubtful(study):
        more = f" {len(changes) - _CHANGES} more stand under Decision." if len(changes) > _CHANGES else ""
        pairs.append(("What would change it", f"{' '.join(changes[:_CHANGES])}{more}"))
    return pairs


def _missed(missed: Mapping[str, str]) -> str:
    """`Not a, b: why; c: why.`: those of one reason together."""
    why: dict[str, list[str]] = {}
    for name, reason in missed.items():
        why.setdefault(reason, []).append(name)
    told = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in why.items())
    return f"Not {told}." if told else ""


def _ordered(study: Study, subjects: Sequence[Subject]) -> list[Subject]:
    """Ranked ones by rank, then the others, the floor, and what was excluded."""
    ranks = {row["candidate"]: place for place, row in enumerate(study.verdict.ranking)}

    def place(subject: Subject) -> tuple[bool, bool, int]:
        return subject.excluded is not None, subject.floor, ranks.get(subject.name, len(ranks))

    return sorted(subjects, key=place)


def _columns(of: Metric) -> list[Column]:
    return [
        Column("candidate"),
        Column("state"),
        Column("must-haves"),
        Column("objectives"),
        Column(of.words, of.unit, "n"),
        Column("headroom", "capacity ÷ asked rate", "n"),
        Column("lost", "of the promised", "n"),
        Column("lost in fault trials", "", "n"),
        Column("broker CPU", "s per million messages", "n"),
    ]


def _row(study: Study, subject: Subject, of: Metric) -> Record:
    rank = next((row["rank"] for row in study.verdict.ranking if row["candidate"] == subject.name), None)
    about = (
        [f"rank {rank}"] if rank and subject.generator in GENERATORS else ["floor, not ranked"] if subject.floor else []
    )
    about += [version_age(subject, str(study.run.get("started") or ""))] if not subject.excluded else []
    who = replace(subject.who, about=" · ".join(part for part in about if part))
    state = Cell(subject.state, badge=subject.state)
    if subject.excluded:
        return Record([state], who, rest=subject.excluded, apart=True)
    merged = subject.record["merged"] or {}
    costs = merged.get("resources") or {}
    cells = [
        state,
        _must_haves(study, subject),
        _objectives(study, subject),
        _primary(subject, of),
        _headroom(study, subject),
        _lost(subject),
        measured(None),
        measured(costs.get("broker_cpu_s_per_million"), source=subject.source("trial.json", "resources.jsonl")),
    ]
    return Record(cells, who, subject.floor)


def _primary(subject: Subject, of: Metric) -> Cell:
    values = readings(subject.usable, of)
    digits = 4 if of.higher_is_better else 3
    source = subject.source("latency.hlog" if of.unit == "ms" else "trial.json")
    merged = subject.record["merged"]
    if merged is None:
        return Cell("no valid trial", css="n none")
    value, bound = value_of(merged, of)
    if of.unit == "ms":
        cell = latency_cell(merged[of.path[0]], of.path[-1], source)
    else:
        cell = measured(value, digits=digits, source=source, at_least=bound)
    return replace(cell, note=between(values, digits), values=[v for v, _ in values])


def _must_haves(study: Study, subject: Subject) -> Cell:
    """Who is known to lack something before the run is excluded; a server may tell it only in the run."""
    needs = list(study.run["scenario"].get("needs") or ())
    if not needs:
        return Cell("none asked", css="none")
    if subject.floor:
        return Cell("exempt", badge="plain")
    found = {answer["need"]: answer["having"] for answer in criteria_of(study, subject)["needs"]}
    lacking, unknown = ([need for need in needs if found.get(need, "not known") == h] for h in ("not met", "not known"))
    if lacking:
        return Cell(f"lacks {len(lacking)}", ", ".join(lacking), "run.json", badge="missed")
    if unknown:
        return Cell("not known", ", ".join(unknown), "run.json", badge="undecided")
    return Cell("met", f"{len(needs)} of {len(needs)}", "run.json", badge="met")


def _objectives(study: Study, subject: Subject) -> Cell:
    rows = [row for row in study.summary["slo"] if row["candidate"] == subject.name]
    if subject.floor:
        return Cell("exempt", badge="plain")
    if not rows:
        return Cell("none asked", css="none")
    missed = [str(row["words"]) for row in rows if row["met"] is False]
    open_ = [str(row["words"]) for row in rows if row["met"] is None]
    if missed:
        why = next((str(row["why"]) for row in rows if row["why"]), None)
        return Cell("missed", why or "; ".join(missed), badge="missed")
    if open_:
        return Cell("cannot be told", "; ".join(open_), badge="undecided")
    return Cell("met", f"{len(rows)} of {len(rows)}", badge="met")


def _headroom(study: Study, subject: Subject) -> Cell:
    found = study.summary["capacity"].get(subject.name) or {}
    stages = study.run["scenario"]["load"]["stages"]
    rate = max((float(stage.get("rate_msgs_s") or 0) for stage in stages), default=0.0)
    most = found.get("msgs_s")
    if most is None or not rate:
        return Cell(NOT_MEASURED, str(found.get("reason") or ""), css="n none")
    return Cell(f"{figure(most / rate, 2)} ×", f"{count(most)} of {count(rate)} msg/s", css="n", sort=most / rate)


def _lost(subject: Subject) -> Cell:
    """Over all trials: a loss is a fact wherever it happens."""
    lost = subject.record.get("lost")
    ledgers = [trial["ledger"] for trial in subject.trials if trial["ledger"]]
    owed = sum(ledger["expected"] or 0 for ledger in ledgers)
    return counted(
        lost, subject.source("ledger.json", usable=False), loud=True, note=f"of {count(owed)}" if owed else ""
    )


def _facts(study: Study) -> list[tuple[str, str]]:
    delivery = study.run["scenario"]["delivery"]
    asked = promise_words(delivery["guarantee"], delivery["survives"])
    ranked = [study.summary["candidates"][row["candidate"]] for row in study.verdict.ranking]
    stronger = sum(any(c[word] != delivery[word] for word in ("guarantee", "survives")) for c in ranked)
    alike = f"{asked}. Every ranked candidate gives it" if ranked else asked
    return [
        ("The promise compared", f"{alike}{f', {stronger} of {len(ranked)} more than that' if stronger else ''}."),
        ("Where", where(study.run["environment"])),
    ]
