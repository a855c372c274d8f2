"""What would change the answer, in words. A sentence names a candidate that would lead only where its own figures show
it; what was not measured, or not tested, says so."""

from collections.abc import Callable, Iterator

from brokerbench.model import Having

from .candidates import Candidate
from .claims import claim_of
from .distances import nearest_limit, nearest_rival
from .needs import lacking
from .standing import Standing
from .statistics import Estimate

__all__ = ["would_change"]

NONE = "No other criterion that was measured here names another candidate."


def would_change(at: Standing) -> list[str]:
    """In the order of `_PARTS`. Where no criterion would change it, one sentence says so, after how near it is."""
    said = [(part in _DISTANCES, sentence) for part in _PARTS for sentence in part(at)]
    if all(distance for distance, _ in said) and len(at.ranking) > 1:
        said.append((False, NONE))
    return [sentence for _, sentence in said]


def _objective_missed(at: Standing) -> Iterator[str]:
    """Who leads by the figure and misses an objective has not won: who could, instead?"""
    leader = at.leader
    missed = [row["words"] for row in at.slos if leader and row["candidate"] == leader.name and row["met"] is False]
    if leader is None or not missed:
        return
    rest = [name for name in at.ranking[1:] if all(row["met"] for row in at.slos if row["candidate"] == name)]
    if rest:
        condition = f"If {leader.name} is out because it misses {_listed(missed)}"
        figure = f"{at.of.words} {at.figure(rest[0])}"
        yield f"{condition}, {rest[0]} is the best of those that meet every objective ({figure})."


def _needs(at: Standing) -> Iterator[str]:
    """Of those that lack something: were it not needed, who would lead?"""
    for words, names in _by_what_they_lack(at).items():
        without = f"If {words} were not needed"
        measured = [name for name in names if at.named(name).usable]
        for name in measured:
            yield from _if_ranked(at, name, without)
        if waiting := [name for name in names if name not in measured]:
            them, it = _listed(waiting), "they were" if len(waiting) > 1 else "it was"
            yield f"{without}, {them} could take part: {it} not run, so who would lead then is not known."


def _by_what_they_lack(at: Standing) -> dict[str, list[str]]:
    """Words of the needs -> candidates that nothing but these keeps out."""
    found: dict[str, list[str]] = {}
    for c in at.candidates:
        missing = lacking(c.needs)
        if missing and not c.floor and (c.usable or (c.excluded and c.about.get("promise"))):
            found.setdefault(" and ".join(each.need for each in missing), []).append(c.name)
    return found


def _weaker_promise(at: Standing) -> Iterator[str]:
    for c in at.candidates:
        if c.usable and not c.matched and not c.floor and not lacking(c.needs):
            promise = c.about.get("promise") or {}
            words = f"{promise.get('guarantee')} that survives {promise.get('survives')}"
            yield from _if_ranked(at, c.name, f"If {words} were enough")


def _if_ranked(at: Standing, name: str, condition: str) -> Iterator[str]:
    """What its figures, which stand outside the ranking, say against the leader's."""
    if at.leader is None:
        yield f"{condition}, {name} could be ranked ({at.of.words} {at.figure(name)})."
        return
    pair = f"{at.of.words} {at.figure(name)} against {at.figure(at.leader.name)}"
    claim = _claim_against(at, name)
    if claim == "worse":
        yield f"{condition}, {name} would lead ({pair} of {at.leader.name}; not tested)."
    elif claim in {"undecided", "no-difference"}:
        yield f"{condition}, it would be open whether {name} or {at.leader.name} leads ({pair})."
    elif claim is None:
        yield f"{condition}, {name} could be ranked ({pair}); too few blocks have both to say who would lead."


def _claim_against(at: Standing, name: str) -> str | None:
    """Of the leader against one outside the ranking, from the interval that is kept beside `not-comparable`."""
    row = next((c for c in at.found if c.primary and c.b == name), None)
    if row is None or row.ratio is None or row.low is None or row.high is None:
        return None
    claim = claim_of(at.of, Estimate(row.ratio, row.low, row.high, row.p, row.blocks))
    return "undecided" if row.bound and claim != "better" else claim


def _support(at: Standing) -> Iterator[str]:
    """Where no scenario asked for it: is the leader's version one that still gets fixes?"""
    leader = at.leader
    if leader is None or leader.support.having is not Having.NOT_MET:
        return
    condition = f"If only supported versions count, {leader.name} is out ({leader.support.says})"
    rest = [name for name in at.ranking[1:] if at.named(name).support.having is not Having.NOT_MET]
    if not rest:
        yield f"{condition}, and no other that was ranked is known to be supported."
        return
    best = rest[0]
    known = "" if at.named(best).support.having is Having.MET else ", whose own support is not known to us"
    yield f"{condition}; of the rest {best} has the best {at.of.words}, {at.figure(best)}{known}."


def _other_figures(at: Standing) -> Iterator[str]:
    """The single figures that would name another: by the leader's explored intervals, which are not tested."""
    leader = at.leader
    if leader is None:
        return
    for order in at.orders:
        if order.beaten_by and not order.primary:
            best = next(name for name, _, _ in order.values if name in order.beaten_by)
            values = f"{at.figure(best, order.of)} against {at.figure(leader.name, order.of)} of {leader.name}"
            yield f"By {order.of.words} alone {best} leads ({values}; explored, not tested)."


def _between_equals(at: Standing) -> Iterator[str]:
    """Where the primary figure leaves it open: what else tells the leader from those it is not shown to beat."""
    leader = at.leader
    if leader is None or not at.undecided:
        return
    equals = [c for c in at.found if c.primary and c.b in at.ranking and c.claim != "better"]
    for equal in equals:
        for c in at.found:
            if c.b == equal.b and not c.primary and c.claim == "better":
                of = next(order.of for order in at.orders if order.of.name == c.metric)
                values = f"{at.figure(leader.name, of)} against {at.figure(c.b, of)}"
                yield f"Between {leader.name} and {c.b}, {of.words} speaks for {leader.name} ({values}; not tested)."
    names = [c.b for c in equals if c.left_open]
    if names:
        yield f"More blocks may decide between {leader.name} and {_listed(names, 'or')}."


def _not_known(at: Standing) -> Iterator[str]:
    """Needs that nobody could tell of the one that leads."""
    leader = at.leader
    missing = [each.need for each in leader.needs if each.having is Having.NOT_KNOWN] if leader else []
    if leader is None or not missing:
        return
    after = next((name for name in at.ranking[1:] if not _open_needs(at.named(name))), None)
    then = f"{after} is the best that has all needs" if after else "nobody that was ranked is known to have all needs"
    lacked = "it has not" if len(missing) == 1 else "it lacks one of them"
    yield f"It is not known whether {leader.name} has {_listed(missing)}: if {lacked}, {then}."


def _open_needs(candidate: Candidate) -> bool:
    return any(each.having is not Having.MET for each in candidate.needs)


def _not_measured(at: Standing) -> Iterator[str]:
    for c in at.candidates:
        if c.excluded is None and not c.floor and not c.usable and not c.uncarried and not lacking(c.needs):
            yield f"{c.name} has no valid trial, so what it would change is not known."


def _listed(names: list[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


# The reading order: what may take the leader out, who may come before it, what the asker could do without, which other
# figure speaks for another, and what nobody knows.
_PARTS: tuple[Callable[[Standing], Iterator[str]], ...] = (
    _objective_missed,
    _not_known,
    _support,
    nearest_limit,
    _between_equals,
    nearest_rival,
    _needs,
    _weaker_promise,
    _other_figures,
    _not_measured,
)
_DISTANCES = (nearest_limit, nearest_rival)
