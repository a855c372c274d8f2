"""How old a broker is: no server says it, so each driver brings the dates it could find a source for."""

from collections.abc import Mapping

__all__ = ["dated"]


def dated(version: str, released: Mapping[str, str], support_ends: Mapping[str, str] | None = None) -> dict[str, str]:
    """The facts `version` and, where they are known, `released` and `support_ends` (of its series, like 3.10)."""
    series = ".".join(version.split(".")[:2])
    facts = {"version": version, "released": released.get(version), "support_ends": (support_ends or {}).get(series)}
    return {name: fact for name, fact in facts.items() if fact is not None}
