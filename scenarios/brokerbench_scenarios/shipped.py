"""The scenario files that come with brokerbench, by name."""

import difflib
from importlib.resources import files

__all__ = ["shipped_names", "shipped_text"]


def shipped_names() -> tuple[str, ...]:
    folder = files(__package__) / "library"
    return tuple(sorted(each.name.removesuffix(".yaml") for each in folder.iterdir() if each.name.endswith(".yaml")))


def shipped_text(name: str) -> str:
    """The file's text. Raises LookupError that lists the names."""
    known = shipped_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise LookupError(f"no shipped scenario is called {name!r}{meant} (there are: {', '.join(known)})")
    return (files(__package__) / "library" / f"{name}.yaml").read_text(encoding="utf-8")
