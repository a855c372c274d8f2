"""Markdown: the short form, for a pull request or a chat. The same sentences and tables as the page's head."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from brokerbench_analysis import Study

from .sections import Cell, Column, Page, Record, page
from .words import clean

__all__ = ["as_markdown", "plain", "table_row"]

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$&!@])")


def as_markdown(study: Study) -> str:
    """Verdict and validity, what was asked, then the figures."""
    view = page(study)
    parts = view.parts
    first, generator, checks = parts["first"], parts.get("generator"), parts.get("checks")
    lines = [f"# {plain(view.title)}", ""]
    lines += [plain(view.question), ""] if view.question else []
    lines += [f"> **{plain(b['title'])}** {plain(b['text'])}\n" for b in view.banners]
    lines += [f"{plain(first['state'][1])} **{plain(first['sentence'])}**", ""]
    lines += [f"- {plain(question)}: {plain(answer)}" for question, answer in (*first["answers"], *first["facts"])]
    lines += ["", *_table(first["columns"], first["rows"]), "", "What to do next:", ""]
    lines += [f"{n}. {plain(action.do)} ({plain(action.why)})" for n, action in enumerate(first["actions"], 1)]
    lines += ["", "## Validity", "", *_validity(view)]
    lines += ["## What was asked", "", *(f"- {plain(label)}: {plain(text)}" for label, text in parts["asked"]["pairs"])]
    lines += _part("Side by side", parts["comparison"], parts["comparison"]["notes"])
    lines += _decision(parts["decision"]) if "decision" in parts else []
    lines += _part("Advice", parts["advice"]) if "advice" in parts else []
    if generator:
        lines += _part("Broker or generator", generator, [generator["pauses"]["lead"]])
        lines += [f"- {plain(who.name)}: {plain(text)}" for who, text in generator["warnings"]]
    if coding := parts.get("coding"):
        lines += _part("Messages and coding", coding)
    lines += _part("What can be claimed", parts["claims"], [parts["claims"]["looks"]], always=True)
    lines += _part("Service level objectives", parts["claims"]["slo"])
    lines += _part("Answers and arrivals", parts["ledger"]["fates"])
    lines += _part("Checks that do not hold", {**checks, "rows": checks["broken"]}) if checks else []
    lines += ["", "Run it again:", "", f"    {clean(parts['method']['command'])}"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _part(
    title: str, part: Mapping[str, Any], notes: Iterable[str] = (), *, always: bool = False, level: int = 2
) -> list[str]:
    """A heading, a lead, a table and notes; nothing where the table is empty, unless the lead says why."""
    if not part["rows"] and not always:
        return []
    lead = plain(str(part.get("lead", "")))
    said = [f"{plain(note)}\n" for note in notes if note]
    return ["", f"{'#' * level} {title}", "", lead, "", *_table(part["columns"], part["rows"]), "", *said]


def _decision(found: Mapping[str, Any]) -> list[str]:
    """What would change it, the needs with their proofs, and the pages they come from."""
    lines = ["", "## Decision", "", plain(found["lead"]), "", *(f"- {plain(each)}" for each in found["changes"])]
    lines += _part("What was needed, and who has it", found["needs"], level=3)
    lines += _part("By each figure alone", found["orders"], level=3)
    lines += _part("What is known beside the figures", found["factors"], level=3)
    sources = [f"{each['number']}. {plain(each['url'])} (read {plain(each['read'])})" for each in found["sources"]]
    return [*lines, *(["", "Sources:", "", *sources] if sources else [])]


def plain(text: str) -> str:
    """Text that Markdown and the HTML it becomes take for text."""
    return (
        _SPECIAL.sub(r"\\\1", " ".join(clean(text).split()))
        .replace("\\<", "&lt;")
        .replace("\\>", "&gt;")
        .replace("\\&", "&amp;")
    )


def table_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _validity(view: Page) -> list[str]:
    validity = view.parts["validity"]
    lines = [
        plain(validity["lead"]),
        "",
        table_row(c.label for c in validity["columns"]),
        table_row(["---"] * 4),
    ]
    for row in validity["rows"]:
        reasons = "; ".join(plain(f"{reason.text} {reason.where}".strip()) for reason in row.reasons)
        lines.append(table_row((plain(row.who.name), row.state, row.trials, reasons or "no objection found")))
    apart = validity["apart"]
    lines += ["", *(f"{plain(note)}\n" for note in validity["notes"])]
    return (
        lines if not apart["rows"] else [*lines, f"{apart['title']}.\n", *_table(apart["columns"], apart["rows"]), ""]
    )


def _table(columns: Sequence[Column], rows: Sequence[Record]) -> list[str]:
    if not rows:
        return []
    titles = (plain(c.titled) for c in columns)
    lines = [table_row(titles), table_row("---:" if "n" in c.css.split() else "---" for c in columns)]
    lines += [table_row(_texts(row, len(columns))) for row in rows]
    return lines


def _texts(row: Record, width: int) -> list[str]:
    if row.part:
        texts = [f"*{plain(row.part)}*"]
    else:
        texts = [plain(f"{row.who.name} ({row.who.about})" if row.who.about else row.who.name)] if row.who else []
        texts += [_cell(cell) for cell in row.cells]
        texts += [plain(row.rest)] if row.rest else []
    return texts + [""] * (width - len(texts))


def _cell(cell: Cell) -> str:
    return plain(f"{cell.text} ({cell.note})" if cell.note else cell.text)
