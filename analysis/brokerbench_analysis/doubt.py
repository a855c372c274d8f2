"""A sentence without figures, where those of a ranked candidate cannot be relied on."""

from collections.abc import Iterable, Mapping

__all__ = ["in_doubt"]


def in_doubt(states: Mapping[str, Iterable[str]]) -> str:
    """`states`: of each ranked candidate's trials that count. Empty where each has a valid one."""
    names = [name for name, found in states.items() if "valid" not in set(found)]
    if not names:
        return ""
    return f"No answer to rely on: no trial of {', '.join(names)} is valid."
