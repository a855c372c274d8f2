"""Markdown: the short form, for a pull request or a chat. The same sentences and tables as the page's head."""

import re
from collections.abc import Iterable, Sequence

from brokerbench_analysis import Study

from .sections import Cell, Column, Page, Record, page
from .words import clean

__all__ = ["as_markdown"]

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$&!@])")


def as_markdown(study: Study) -> str:
    """Verdict, what was asked, validity, then the figures."""
    view = page(study)
    lines = [f"# {_plain(view.title)}", ""]
    lines += [_plain(view.question), ""] if view.question else []
    lines += [f"> **{_plain(b['title'])}** {_plain(b['text'])}\n" for b in view.banners]
    lines += [f"**{_plain(view.verdict['sentence'])}**", ""]
    lines += [f"{_plain(line)}\n" for line in view.verdict["details"]]
    lines += [f"- {_plain(label)}: {_plain(text)}" for label, text in view.asked]
    lines += ["", "## Validity", "", *_validity(view), "", "## Side by side", "", _plain(view.comparison["lead"]), ""]
    lines += [*_table(view.comparison["columns"], view.comparison["rows"]), ""]
    lines += [f"{_plain(note)}\n" for note in view.comparison["notes"]]
    lines += [
        "## What can be claimed",
        "",
        _plain(view.claims["lead"]),
        "",
        *_table(view.claims["columns"], view.claims["rows"]),
    ]
    if view.slo["rows"]:
        lines += ["", "## Service level objectives", "", *_table(view.slo["columns"], view.slo["rows"])]
    lines += ["", "Run it again:", "", f"    {clean(view.method['command'])}"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _plain(text: str) -> str:
    """Text that Markdown and the HTML it becomes take for text."""
    return (
        _SPECIAL.sub(r"\\\1", " ".join(clean(text).split()))
        .replace("\\<", "&lt;")
        .replace("\\>", "&gt;")
        .replace("\\&", "&amp;")
    )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _validity(view: Page) -> list[str]:
    rows = [_row(column.label for column in view.validity["columns"]), _row(["---"] * 4)]
    for row in view.validity["rows"]:
        reasons = "; ".join(_plain(f"{reason.text} {reason.where}".strip()) for reason in row.reasons)
        rows.append(_row((_plain(row.who.name), row.state, row.trials, reasons or "no objection found")))
    return rows


def _table(columns: Sequence[Column], rows: Sequence[Record]) -> list[str]:
    if not rows:
        return []
    titles = (_plain(c.titled) for c in columns)
    lines = [_row(titles), _row("---:" if "n" in c.css.split() else "---" for c in columns)]
    lines += [_row(_texts(row, len(columns))) for row in rows]
    return lines


def _texts(row: Record, width: int) -> list[str]:
    if row.part:
        texts = [f"*{_plain(row.part)}*"]
    else:
        texts = [_plain(row.who.name)] if row.who else []
        texts += [_cell(cell) for cell in row.cells]
        texts += [_plain(row.rest)] if row.rest else []
    return texts + [""] * (width - len(texts))


def _cell(cell: Cell) -> str:
    return _plain(f"{cell.text} ({cell.note})" if cell.note else cell.text)
