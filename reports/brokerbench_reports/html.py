"""The page: one self-contained HTML file, made from the run folder alone."""

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from brokerbench_analysis import Study

from .sections import SECTIONS, page
from .sections.drawings import drawings
from .words import clean

__all__ = ["as_html"]


def as_html(study: Study) -> str:
    """No request leaves it, no script is needed to read it; the same folder gives the same bytes."""
    environment = _environment()
    css, script = (_asset(environment, name) for name in ("page.css", "page.js"))
    view = page(study)
    drawn = drawings(study)
    there = [section for section in SECTIONS if view.parts.get(section.name) or drawn.get(section.name)]
    text = environment.get_template("page.html").render(
        vars(view) | view.parts, drawn=drawn, sections=there, css=css, script=script, script_hash=_hash(script)
    )
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip() or not line) + "\n"


@cache
def _environment() -> Environment:
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


def _asset(environment: Environment, name: str) -> Markup:
    loader = environment.loader
    assert loader is not None
    return Markup(loader.get_source(environment, name)[0].strip())


def _hash(script: str) -> str:
    """The content security policy lets this very script run, and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
