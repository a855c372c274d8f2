"""A matplotlib figure -> one inline `<svg>` that the page can style, several of them side by side.

Matplotlib writes a document of its own: XML head, metadata, a global style, ids that repeat from chart to chart,
fixed colours and fonts. Inline, the ids must be the page's own and the colours its CSS variables.
"""

import io
import re
from html import escape

from markupsafe import Markup
from matplotlib.figure import Figure

from brokerbench_reports.words import clean

from .theme import COLOURS

__all__ = ["inline"]

_HEAD = re.compile(r"^.*?(?=<svg)", re.S)
_DROPPED = re.compile(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", re.S)
_OPEN = re.compile(r"<svg[^>]*viewBox=\"([^\"]+)\"[^>]*>")
_ID = re.compile(r" id=\"([^\"]+)\"")
_REFERENCE = re.compile(r"(?:xlink:href=\"#|url\(#)([^\")]+)")
_FONT = re.compile(r" ?font-family: [^;\"]*;")
_LONG = re.compile(r"(\d+\.\d{2})\d+")
_COLOUR = re.compile("|".join(COLOURS))
_NO_TURN = re.compile(r" transform=\"rotate\(-?0 [^\"]*\)\"")


def inline(figure: Figure, key: str, title: str, description: str, read: str = "") -> Markup:
    """Drawn inside `theme.look(key)`; `key` is unique on the page and prefixes every id. `read`: as reading.as_json."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = _DROPPED.sub("", _HEAD.sub("", buffer.getvalue(), count=1))
    text = _ids(clean(text), key)
    text = _FONT.sub("", _NO_TURN.sub("", _LONG.sub(r"\1", text)))
    text = _COLOUR.sub(lambda match: f"var({COLOURS[match[0]]})", text)
    text = re.sub(r"\s*\n\s*", "\n", text)
    return Markup(_OPEN.sub(lambda match: _opening(match[1], key, title, description, read), text, count=1).strip())


def _opening(box: str, key: str, title: str, description: str, read: str) -> str:
    about = f'<title id="{key}-t">{escape(clean(title))}</title><desc id="{key}-d">{escape(clean(description))}</desc>'
    data = f' data-read="{escape(read)}"' if read else ""
    return f'<svg viewBox="{box}" role="img" aria-labelledby="{key}-t {key}-d" class="chart"{data}>{about}'


def _ids(text: str, key: str) -> str:
    """Ids that something points at become `key-1`, `key-2`; the others go, but a series' own becomes its class."""
    names: dict[str, str] = {}
    for match in _REFERENCE.finditer(text):
        names.setdefault(match[1], f"{key}-{len(names) + 1}")

    def kept(match: re.Match[str]) -> str:
        name = match[1]
        if name in names:
            return f' id="{names[name]}"'
        return f' class="{name}"' if name.startswith("of-") else ""

    text = _ID.sub(kept, text)
    text = re.sub(r"xlink:href=\"#([^\"]+)\"", lambda m: f'href="#{names[m[1]]}"', text)
    return re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{names[m[1]]})", text)
