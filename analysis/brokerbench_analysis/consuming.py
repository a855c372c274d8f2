"""What consumers that are asked to work on their messages did with their time."""

from collections.abc import Iterator

from .folder import Json, TrialFiles
from .reasons import Reason
from .words import percent

__all__ = ["FULL", "at_work", "consumers_of", "still_coming"]

FULL = 0.95  # of the time in which they do not stand still: who works so much has no room for a higher rate
_LATE_S = 1.5  # before the end of the last interval


def consumers_of(files: TrialFiles) -> Json:
    """For each group the share of the measured window that its consumers worked on messages (null where they are asked
    for no work; stalls asked for are not in it), and what they gave back or rejected."""
    return {group: _group(files, group) for group in files.groups}


def _group(files: TrialFiles, group: str) -> Json:
    rows = [c for c in files.trial["consumers"] if c["group"] == group]
    shares = _shares(files, group)
    return {
        "working_share_mean": sum(shares) / len(shares) if shares else None,
        "working_share_max": max(shares, default=None),
        **{name: sum(row.get(name, 0) for row in rows) for name in ("returned", "rejected")},
    }


def _shares(files: TrialFiles, group: str) -> list[float]:
    """Of each consumer; none where one of them was not asked to work."""
    shares = [c.get("working_share") for c in files.trial["consumers"] if c["group"] == group]
    return [] if None in shares else [share for share in shares if share is not None]


def still_coming(files: TrialFiles) -> Iterator[Reason]:
    """Who works, or drains a backlog, was not done when the drain's time was over: what is missing may only be late."""
    if files.trial["phases"]["drain_closed"]:
        return
    for group in files.groups:
        last = max((line["t"] for line in files.intervals if line["group"] == group), default=0.0)
        late = sum(line["unique"] for line in files.intervals if line["group"] == group and line["t"] > last - _LATE_S)
        if late and (_shares(files, group) or files.model == "backlog"):
            text = (
                f"the drain was too short: the consumers of group {group} were still at work when it ended, so what is"
            )
            yield Reason("drain-too-short", f"{text} missing may only be late; use a longer load.drain")


def at_work(files: TrialFiles, group: str | None = None) -> str | None:
    """That the consumers of this group, or of some group, are as slow as was asked, and no broker could give them more;
    None where that is not seen."""
    for name in files.groups if group is None else (group,):
        shares = _shares(files, name)
        if shares and sum(shares) / len(shares) > FULL:
            share = percent(sum(shares) / len(shares))
            return (
                f"the consumers of group {name} worked {share} of the time, as was asked: it says nothing of the broker"
            )
    return None
