"""What all pages are made on: templates whose texts cannot become markup, and files laid into them."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .words import clean

__all__ = ["asset", "paper", "tidy"]


@cache
def paper() -> Environment:
    return Environment(
        loader=PackageLoader("brokerbench_reports"),
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def _shown(item: Any) -> Any:
    """Every text on the page passes here, so nobody's name can hide a control or turn the line around."""
    return clean(item) if isinstance(item, str) and not isinstance(item, Markup) else item


def asset(name: str) -> Markup:
    """A file from the templates' folder, as it is."""
    loader = paper().loader
    assert loader is not None
    return Markup(loader.get_source(paper(), name)[0].strip())


def tidy(page: str) -> str:
    """Without the blanks that templates leave behind."""
    return "\n".join(line.rstrip() for line in page.splitlines() if line.strip() or not line) + "\n"
