"""A sentence without figures, where those of a ranked candidate cannot be relied on."""

from collections.abc import Iterable, Mapping

from .folder import Json, counts

__all__ = ["doubts", "in_doubt", "said"]


def in_doubt(states: Mapping[str, Iterable[str]]) -> str:
    """`states`: of each ranked candidate's trials that count. Empty where each has a valid one."""
    names = [name for name, found in states.items() if "valid" not in set(found)]
    if not names:
        return ""
    return f"No answer to rely on: no trial of {', '.join(names)} is valid."


def doubts(summary: Json) -> str:
    """`in_doubt` of a summary, names in the order of its candidates."""
    ranked = {row["candidate"] for row in summary["verdict"]["ranking"]}
    trials = {name: each["trials"] for name, each in summary["candidates"].items() if name in ranked}
    return in_doubt({name: [t["validity"]["state"] for t in of if counts(t)] for name, of in trials.items()})


def said(summary: Json) -> str:
    """The verdict's sentence, or that there is none to rely on; summary.json has the former in either case."""
    sentence: str = summary["verdict"]["sentence"]
    return sentence if summary["smoke"] else doubts(summary) or sentence  # a smoke run claims nothing
