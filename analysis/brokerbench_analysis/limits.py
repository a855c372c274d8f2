"""Whose limit is a candidate's figure? A broker's maximum may be named only where the generator had room to spare.

Judged from the busiest core of ours, from the share of the ceiling that was used (what the same clients reach against a
stand-in that costs nothing), and from a probe: one more worker of each kind on the same load.
"""

import statistics
from collections.abc import Iterator, Sequence

from brokerbench.model import GENERATOR_NEAR as NEAR
from brokerbench.model import GENERATOR_SPARE as SPARE

from .candidates import Candidate
from .folder import Json
from .generator import busiest, watched
from .measure import Measured
from .words import digits, percent

__all__ = ["limit_of", "warnings_of"]

PROBE_MORE = 0.10
CLIENT, BROKER = "client-bound", "broker"
_SIDES = {"producers": "sent_msgs_s", "consumers": "deliveries_msgs_s"}


def limit_of(candidate: Candidate, ceiling: Json | None) -> Json:
    """`by` is None where nothing shows whose limit it is, or where none was looked for."""
    trials = _with_figures(candidate)
    if not trials:
        by, text = None, "not measured"
    elif trials[0].files.model == "closed":
        by, text = None, "the load has a number of users; no maximum was looked for"
    elif trials[0].files.model == "open":
        by, text = _open(trials)
    else:
        by, text = _saturated(trials, ceiling, _probed(candidate))
    return {"by": by, "text": text}


def _open(trials: Sequence[Measured]) -> tuple[str | None, str]:
    if any(CLIENT in t.validity.labels for t in trials):
        return CLIENT, "the generator could not send the rate: a producer's core was full"
    return None, "the load asked for a rate; no maximum was looked for"


def _saturated(trials: Sequence[Measured], ceiling: Json | None, more: float | None) -> tuple[str | None, str]:
    """`more`: what a probe brought."""
    if more is not None and more >= PROBE_MORE:
        text = f"one more producer and consumer brought {percent(more)} more: the broker may carry more than this"
        return CLIENT, text
    name, share = _busiest(trials)
    used = _used(trials, ceiling)
    full = [] if share is None or share <= SPARE else [f"{name} was busy {percent(share)} of the time"]
    near = [f"the {side} reached {percent(s)} of their ceiling" for side, s in used.items() if s and s > SPARE]
    if full or (near and not _only_least(ceiling)):
        text = f"{' and '.join([*full, *near])} (more than {percent(SPARE)}): the broker may carry more than this"
        return CLIENT, text if more is None else f"{text}, though one more producer and consumer brought little"
    cores = f"the generator's cores were {'not looked at' if share is None else f'at most {percent(share)} busy'}"
    unknown = _unknown(trials, used, near=bool(near))
    if unknown is not None:
        return None, f"{cores}, {unknown}: whose limit this is stays open"
    return BROKER, f"{cores}, and it used {percent(max(s for s in used.values() if s is not None))} of its ceiling"


def _unknown(trials: Sequence[Measured], used: dict[str, float | None], *, near: bool) -> str | None:
    """What is missing before a maximum may be called the broker's; None for nothing."""
    sound = [t for t in trials if t.usable and t.record["delivered_msgs_s"]]
    if not sound:
        return "and no valid trial delivered anything"
    if None in used.values():
        return "and its ceiling was not measured"
    if near:
        return "and its ceiling is only known to be no lower than what was measured"
    if not all(watched(t.files.children) for t in sound):
        return "and not every one of them was looked at"
    return None


def _only_least(ceiling: Json | None) -> bool:
    """A ceiling with a reason against it may be higher than it says: a share of it is then the most that was used."""
    return bool((ceiling or {}).get("reason"))


def warnings_of(candidate: Candidate, ceiling: Json | None) -> list[str]:
    trials = _with_figures(candidate)
    return [*_near(trials, ceiling), *_uncounted_losses(candidate)]


def _near(trials: Sequence[Measured], ceiling: Json | None) -> Iterator[str]:
    name, share = _busiest(trials)
    if share is not None and share > NEAR:
        text = f"{name} was busy {percent(share)} of the time (more than {percent(NEAR)})"
        yield f"{text}: part of the latency is the generator's own; use more of its kind"
    for side, used in _used(trials, ceiling).items():
        if used is not None and used > NEAR:
            text = f"the {side} used {percent(used)} of what they reach without a broker (more than {percent(NEAR)})"
            most = digits((ceiling or {})[f"{side}_msgs_s"], 3)
            yield f"{text}: their ceiling is {'at least ' if _only_least(ceiling) else ''}{most} msg/s"


def _uncounted_losses(candidate: Candidate) -> Iterator[str]:
    """A trial that is in no figure may still have seen a promise broken."""
    for trial in candidate.trials:
        lost = (trial.record["ledger"] or {}).get("lost")
        if lost and not trial.counts:
            kind = "a probe" if trial.record["kind"] == "probe" else "repeated"
            what = "promised messages" if candidate.broken_promise else "messages, as its guarantee allows,"
            yield f"{lost:,} {what} were lost in {trial.files.id}, which is in no figure ({kind})"


def _with_figures(candidate: Candidate) -> list[Measured]:
    """Invalid ones too, which can show the client's limit and never the broker's."""
    return [t for t in candidate.counted if t.record["resources"]]


def _probed(candidate: Candidate) -> float | None:
    """How much more throughput the probe had than the median trial; None without a probe that is valid."""
    probes = [t.record["delivered_msgs_s"] for t in candidate.trials if t.record["kind"] == "probe" and t.usable]
    planned = [t.record["delivered_msgs_s"] for t in candidate.usable]
    return max(probes) / statistics.median(planned) - 1 if probes and planned and all(planned) else None


def _busiest(trials: Sequence[Measured]) -> tuple[str | None, float | None]:
    return busiest([child for trial in trials for child in trial.files.children])


def _used(trials: Sequence[Measured], ceiling: Json | None) -> dict[str, float | None]:
    """Side -> the most that any trial used of its ceiling."""
    out: dict[str, float | None] = {}
    for side, rate in _SIDES.items():
        most = (ceiling or {}).get(f"{side}_msgs_s")
        rates = [t.record[rate] for t in trials if t.record[rate] is not None]
        out[side] = max(rates) / most if most and rates else None
    return out
