"""Two looks at a run, planned before it: after some blocks, and, only where a claim is still undecided, after more.

Who looks twice at 5 % each is wrong more often than 5 %. So the looks share the error: each is an analysis of its own,
at a level of its own, and the levels add up to the whole (Bonferroni). The first gets the share of the blocks that it
sees: the linear error spending function of K. Kim and D. DeMets, Design and analysis of group sequential tests based on
the type I error spending rate function, Biometrika 74 (1987). S. Pocock's boundary (Biometrika 64, 1977) would leave
2.9 % instead of 2.5 % to each of two equal looks, but is derived for one normal mean. The plain sum holds for few
blocks, for either interval, and for Holm's procedure within each look.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .statistics import ALPHA

__all__ = ["Look", "look_levels", "look_of", "undecided", "unfinished"]


@dataclass(frozen=True)
class Look:
    """Which planned look these trials are (None: there is no such plan), and the error it may make."""

    number: int | None = None
    alpha: float = ALPHA


def look_levels(first_blocks: int, second_blocks: int, alpha: float = ALPHA) -> tuple[float, float]:
    """The error that each look may make; together `alpha`. `second_blocks` counts all blocks, the first ones too."""
    if not 0 < first_blocks < second_blocks:
        raise ValueError(f"a second look needs more blocks than the first: {first_blocks}, then {second_blocks}")
    first = alpha * first_blocks / second_blocks
    return first, alpha - first


def look_of(run: Mapping[str, Any]) -> Look:
    """The second look begins with the first block beyond the first look's."""
    plan = run.get("looks")
    if plan is None:
        return Look()
    ended = [e["block"] for e in run["trials"] if e.get("state") == "finished" and e.get("kind") != "probe"]
    number = 2 if max(ended, default=0) > plan["first"] else 1
    planned = plan.get("alpha_first" if number == 1 else "alpha_second")
    return Look(number, planned or look_levels(plan["first"], plan["second"])[number - 1])


def unfinished(run: Mapping[str, Any], look: Look) -> str | None:
    """Why these trials are no look at all: who stops when the figures please spends more error than was planned."""
    kinds = {"planned", "second-look"} if look.number == 2 else {"planned"}
    planned = (e for e in run["trials"] if (e.get("kind") or "planned") in kinds)
    if all(entry.get("state") in {"finished", "failed", "skipped"} for entry in planned):
        return None
    if run.get("status") == "interrupted":
        return "the run was stopped before its planned blocks"
    return "the planned blocks have not all ended"


def undecided(summary: Mapping[str, Any]) -> bool:
    """Whether more blocks are worth their time: a tested comparison says neither yes nor no, or had too few blocks.

    Not where they could decide nothing: of a candidate that no claim can be made of, or a figure that is zero.
    """
    return any(row["left_open"] for row in summary["comparisons"] if row["primary"])
