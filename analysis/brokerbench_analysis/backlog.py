"""A backlog: filled while nobody consumes, then drained. Fill rate, drain rate, and how long both took."""

from collections.abc import Iterator

from .folder import Json, TrialFiles
from .reasons import Reason, State
from .words import digits

__all__ = ["BACKLOG", "BACKLOG_RATES", "backlog_of", "unfilled"]

BACKLOG_RATES = ("fill_msgs_s", "drain_msgs_s")
BACKLOG = (*BACKLOG_RATES, "backlog")
FILLED = 0.99  # of what was asked
LEAST_S = 1.0  # shorter drains are mostly connecting


def backlog_of(files: TrialFiles) -> Json:
    """Null for any other load. The fill ends with the last confirm; the drain goes from the moment consumers are told
    to come until the last message, so their connecting is in it, and is told apart. Of several groups: the slowest."""
    about = files.trial.get("backlog")
    if about is None:
        return dict.fromkeys(BACKLOG)
    sent = sum(p["sent"] for p in files.trial["producers"])
    began, rates, drains, firsts = float(about["released_s"]), [], [], []
    for group, ledger in files.ledger["groups"].items():
        mine = [c for c in files.trial["consumers"] if c["group"] == group and c["last_received_s"] is not None]
        if mine:
            drains.append(max(c["last_received_s"] for c in mine) - began)
            firsts.append(min(c["first_received_s"] for c in mine) - began)
            rates.append(ledger["unique"] / drains[-1] if drains[-1] > 0 else None)
    known = [rate for rate in rates if rate is not None]
    fill_s = float(about["filled_s"])
    return {
        "fill_msgs_s": sent / fill_s if fill_s > 0 else None,
        "drain_msgs_s": min(known) if len(known) == len(files.groups) else None,
        "backlog": {
            "asked": about["asked"],
            "filled": sent,
            "fill_s": fill_s,
            "first_s": max(firsts, default=None),
            "drain_s": max(drains, default=None) if files.trial["phases"]["drain_closed"] else None,
        },
    }


def unfilled(files: TrialFiles) -> Iterator[Reason]:
    """Less is another question; and what drains in a moment tells of connecting, not of draining."""
    found = backlog_of(files)["backlog"]
    if found is None:
        return
    if found["filled"] < FILLED * found["asked"]:
        text = f"the backlog was not filled: {found['filled']:,} of {found['asked']:,} messages were sent in the time"
        yield Reason("not-filled", f"{text} that the stage gives; make it longer, or fill less")
    if found["drain_s"] is not None and found["drain_s"] < LEAST_S:
        text = f"the backlog drained in {digits(found['drain_s'])} s: too short to tell its rate; fill more"
        yield Reason("short", text, State.SUSPECT)
