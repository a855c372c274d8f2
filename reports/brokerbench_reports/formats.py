"""The table of formats. Each is one small module, imported when asked for: charts cost a second to import."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .refusal import NotExportable

if TYPE_CHECKING:
    from brokerbench_analysis import Study

__all__ = ["FORMATS", "Format", "files", "render"]

Files = Mapping[str, Iterable[bytes]]  # name of each file -> its content, piece by piece


@dataclass(frozen=True)
class Format:
    about: str  # one clause, for --help
    make: "Callable[[Study], Files]"


def _late(module: str, function: str) -> "Callable[[Study], Any]":
    def call(study: "Study") -> Any:
        return getattr(import_module(f"brokerbench_reports.{module}"), function)(study)

    return call


def _text(name: str, make: "Callable[[Study], str]") -> "Callable[[Study], Files]":
    return lambda study: {name: (make(study).encode("utf-8"),)}


def _json(study: "Study") -> str:
    return json.dumps(study.summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: Mapping[str, Format] = {
    "html": Format("the page", _text("report.html", _late("html", "as_html"))),
    "md": Format("the short form", _text("report.md", _late("markdown", "as_markdown"))),
    "json": Format("the figures", _text("report.json", _json)),
    "csv": Format("one row a trial", _text("report.csv", _late("table", "as_csv"))),
    "parquet": Format("trials and seconds as tables, two files", _late("parquet", "as_parquet")),
    "hlog": Format("all histograms, for HdrHistogram's tools", _late("hlog", "as_hlog")),
    "jtl": Format("samples, for JMeter's dashboard", _late("jtl", "as_jtl")),
    "junit": Format("for CI", _text("report.xml", _late("junit", "as_junit"))),
}


def files(study: "Study", fmt: str) -> "Mapping[str, Iterator[bytes]]":
    """The study in that format, for files of these names. Raises ValueError for a format that is not there, and
    NotExportable."""
    if fmt not in FORMATS:
        raise ValueError(f"there is no report format {fmt!r}; choose one of {', '.join(FORMATS)}")
    return {name: iter(content) for name, content in FORMATS[fmt].make(study).items()}


def render(study: "Study", fmt: str = "html") -> str:
    """The study as one text. Raises as `files`, and NotExportable for a format that is no single text."""
    made = files(study, fmt)
    if len(made) > 1:
        raise NotExportable(f"{fmt} is {len(made)} files ({', '.join(made)}); name a folder for them")
    [content] = made.values()
    return b"".join(content).decode("utf-8")
