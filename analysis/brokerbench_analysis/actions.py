"""What to do next, at most three things: what stands against the answer comes first, then what would widen it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .folder import Json, counts
from .study import Study
from .words import digits

__all__ = ["Action", "next_actions"]

_MOST = 3
_MOST_BLOCKS = 200  # that a scenario may have
# What to do about a reason against trials: the first of these that some trial has is told.
_REMEDIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("integrity",), "Measure again: the files of these trials cannot be relied on"),
    (
        ("failed", "interrupted", "nothing-sent", "nothing-delivered"),
        "Read the server's log in the run folder, mend what it names, and run again",
    ),
    (("generator-busy",), "Give the generator more processes (topology.producers, consumers) or ask for a lower rate"),
    (("generator-paused", "contaminated", "bystanders"), "Run again on a machine with nothing else to do"),
    (
        ("rate-not-reached", "not-sustained", "backlog-growing"),
        "Ask for a lower rate (load), or give the groups more consumers: this load was not carried",
    ),
    (("short",), "Measure longer: 30 s and more in load.stages"),
    (("not-steady", "drifting"), "Give it a longer warm-up (load.warmup) and measure longer"),
    (("ledger-open",), "Give the drain more time (load.drain), so that every message's fate is known"),
    (("foreign",), "Use a broker that nobody else uses meanwhile"),
)


@dataclass(frozen=True)
class Action:
    """`do`: what, as an order. `why`: what of this run asks for it."""

    do: str
    why: str


def next_actions(study: Study) -> list[Action]:
    """The most pressing first."""
    return [action for action, _ in zip(_all(study), range(_MOST), strict=False)]


def _all(study: Study) -> Iterator[Action]:
    run, summary = study.run, study.summary
    if run.get("smoke"):
        yield Action(
            f"Run it in full: brokerbench run {run['scenario']['scenario']}.yaml", "a smoke run supports no claim"
        )
    yield from _against_trials(summary["candidates"])
    yield from _broken(summary)
    yield from _undecided(summary)
    yield from _advised(summary.get("advice") or ())
    yield from _excluded(summary["candidates"])
    if len(summary["candidates"]) == 1:
        yield Action("Put a second candidate under brokers", "with one candidate there is nothing to choose")
    yield from _wider(study)


def _against_trials(candidates: Mapping[str, Json]) -> Iterator[Action]:
    """One for each remedy, those first that mend what is invalid."""
    counted = [
        (name, trial) for name, candidate in candidates.items() for trial in candidate["trials"] if counts(trial)
    ]
    total = len(counted)
    for state in ("invalid", "suspect"):
        for codes, do in _REMEDIES:
            hit = [pair for pair in counted if _has(pair[1], state, codes)]
            if hit:
                # What one remedy may mend is told once, whatever else these trials have.
                hit += [pair for pair in counted if _has(pair[1], "suspect", codes) and pair not in hit]
                names = ", ".join(dict.fromkeys(name for name, _ in hit))
                yield Action(do, f"{len(hit)} of {total} trials, of {names}: {_reason(hit[0][1], codes)}")
                counted = [pair for pair in counted if pair not in hit]


def _has(trial: Json, state: str, codes: Sequence[str]) -> bool:
    return trial["validity"]["state"] == state and bool(set(codes) & set(trial["validity"].get("codes") or ()))


def _reason(trial: Json, codes: Sequence[str]) -> str:
    pairs = zip(trial["validity"]["codes"], trial["validity"]["reasons"], strict=True)
    return next(str(text) for code, text in pairs if code in codes)


def _broken(summary: Json) -> Iterator[Action]:
    missed: dict[str, list[str]] = {}
    for row in summary["slo"]:
        if row["met"] is False:
            missed.setdefault(row["words"], []).append(row["candidate"])
    judged = {row["candidate"] for row in summary["slo"]}
    for objective, names in missed.items():
        if judged and set(names) == judged:
            yield Action(
                "Ask for less, or for other settings: nobody met this objective",
                f"{objective}: missed by {', '.join(names)}",
            )


def _undecided(summary: Json) -> Iterator[Action]:
    left = [row for row in summary["comparisons"] if row["primary"] and row.get("left_open")]
    if not left:
        return
    names = ", ".join(f"{row['a']} and {row['b']}" for row in left)
    needed = [blocks for row in left if (blocks := blocks_to_decide(row)) is not None]
    if not needed:
        do = "Make more blocks (repeats.blocks)"
    elif max(needed) > _MOST_BLOCKS:
        do = "Choose by something else than this figure: more blocks than a run may have would be needed to decide it"
    else:
        do = f"Make about {max(needed)} blocks (repeats.blocks: {max(needed)})"
    yield Action(do, f"undecided between {names}")


def blocks_to_decide(row: Json) -> int | None:
    """About how many blocks, were the next ones to scatter like these: the width of an interval falls as 1 / sqrt(n).

    To claim a difference it must leave out 1; to claim none it must fit into the margin. The nearer of the two goals
    counts. None where there is no interval, or one from so few blocks that its width tells nothing yet.
    """
    low, high, ratio, blocks = row.get("low"), row.get("high"), row.get("ratio"), row.get("blocks") or 0
    if not low or not high or not ratio or blocks < 3 or row.get("bound"):
        return None
    effect, reach, most = abs(math.log(ratio)), math.log(high / low) / 2, math.log1p(row.get("margin") or 0.0)
    goals = [effect] if effect > most else [most - effect]
    nearest = max(goals)
    return max(blocks + 1, math.ceil(blocks * (reach / nearest) ** 2)) if nearest > 1e-6 else None


def _advised(advice: Sequence[Json]) -> Iterator[Action]:
    """Proved ones first; not those that were tried and brought nothing."""
    open_ones = [row for row in advice if row.get("proved") or not row.get("proof")]
    for row in sorted(open_ones, key=lambda row: not row.get("proved")):
        change = f"Set {row['setting']} from {row['from']} to {row['to']} for {row['candidate']}"
        proved = "proved by paired trials" if row.get("proved") else "not proved yet"
        yield Action(change, f"{row.get('evidence') or 'seen in this run'}; {proved}")


def _excluded(candidates: Mapping[str, Json]) -> Iterator[Action]:
    for name, candidate in candidates.items():
        if candidate["excluded"] is not None:
            why, _, remedy = str(candidate["excluded"]).partition("; ")
            if not remedy:
                why, _, remedy = why.partition(": ")
            yield Action(f"To have {name} in the comparison: {remedy or 'change what excluded it'}", why)


def _wider(study: Study) -> Iterator[Action]:
    scenario, summary = study.run["scenario"], study.summary
    first = study.verdict.ranking[0]["candidate"] if study.verdict.ranking else None
    if first is None:
        return
    if not summary["capacity"] and scenario["load"]["model"] != "saturate":
        rate = (summary["candidates"][first]["merged"] or {}).get("delivered_msgs_s")
        reached = f"{first} carried {digits(rate, 3)} msg/s as asked" if rate else "one load was looked at"
        yield Action(
            "Find the headroom: run it with -o load.model=saturate", f"{reached}; how much more is not measured"
        )
    yield Action(
        "Run the same file on the machine it is for, and hold both against each other: brokerbench compare",
        "figures are relative on this machine",
    )
