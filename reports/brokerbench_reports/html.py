"""The page: one self-contained HTML file, made from the run folder alone."""

import base64
import hashlib

from brokerbench_analysis import Study

from .paper import asset, paper, tidy
from .sections import SECTIONS, page
from .sections.drawings import drawings

__all__ = ["as_html"]


def as_html(study: Study) -> str:
    """No request leaves it, no script is needed to read it; the same folder gives the same bytes."""
    css, script = (asset(name) for name in ("page.css", "page.js"))
    view = page(study)
    drawn = drawings(study)
    there = [section for section in SECTIONS if view.parts.get(section.name) or drawn.get(section.name)]
    text = (
        paper()
        .get_template("page.html")
        .render(vars(view) | view.parts, drawn=drawn, sections=there, css=css, script=script, script_hash=_hash(script))
    )
    return tidy(text)


def _hash(script: str) -> str:
    """The content security policy lets this very script run, and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
