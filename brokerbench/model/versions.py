"""Which versions a line speaks of: `3` (and all that begin with it), `>=4.1`, `<5`, `>=4.0, <4.2`."""

import re

__all__ = ["holds"]

_PART = re.compile(r"\s*(>=|<)?\s*([0-9]+(?:\.[0-9]+)*)\s*")


def holds(asked: str, version: str | None) -> bool | None:
    """None where too little is known of the version to tell: `>=4.1` of `4`. Raises ValueError for what it is not."""
    found = [_one(part, version) for part in asked.split(",")]
    return False if False in found else None if None in found else True


def _one(part: str, version: str | None) -> bool | None:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"versions are like 3, >=4.1 or '>=4.0, <4.2'; found {part!r}")
    numbers = [int(each) for each in re.findall(r"[0-9]+", version or "")]
    limit = [int(each) for each in match[2].split(".")]
    known = numbers[: len(limit)]
    if known == limit[: len(known)] and len(known) < len(limit):
        return None
    if match[1] is None:
        return known == limit
    return known >= limit if match[1] == ">=" else known < limit
