"""The table of formats. Each is one small module, imported when asked for: charts cost a second to import."""

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brokerbench_analysis import Study

__all__ = ["FORMATS", "SUFFIXES", "render"]

SUFFIXES = {"junit": "xml"}  # where a format's files are not called after it


def _late(module: str, function: str) -> "Callable[[Study], str]":
    def call(study: "Study") -> str:
        text: str = getattr(import_module(f"brokerbench_reports.{module}"), function)(study)
        return text

    return call


def _json(study: "Study") -> str:
    return json.dumps(study.summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: "Mapping[str, Callable[[Study], str]]" = {
    "html": _late("html", "as_html"),
    "md": _late("markdown", "as_markdown"),
    "json": _json,
    "csv": _late("table", "as_csv"),
    "junit": _late("junit", "as_junit"),
}


def render(study: "Study", fmt: str = "html") -> str:
    """The study as one text of that format, for a UTF-8 file. Raises ValueError for a format that is not there."""
    if fmt not in FORMATS:
        raise ValueError(f"there is no report format {fmt!r}; choose one of {', '.join(FORMATS)}")
    return FORMATS[fmt](study)
