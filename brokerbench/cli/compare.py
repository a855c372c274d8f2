"""`brokerbench compare A B`: what changed from one run to another, after it is sure that they can be compared."""

import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._errors import BAD_INPUT, BadInput
from ._gates import Gates
from ._study import load_study

if TYPE_CHECKING:
    from rich.table import Table

    from brokerbench_analysis import Study
    from brokerbench_analysis.across import Change
    from brokerbench_analysis.comparable import Difference
    from brokerbench_analysis.metrics import Metric

__all__ = ["command"]


@click.command("compare")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="A B [C ...]")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FOLDER", help="Run A, named apart.")
@click.option(
    "--fail-on",
    multiple=True,
    metavar="GATE",
    help="Exit 4 where a later run shows it: 'end_to_end.p99 > +10%', 'delivered_msgs_s < -5%', 'lost > 0'.",
)
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write what the gates found, for CI.")
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="The same for a pull request.")
@click.option("--force", is_flag=True, help="Show the figures of unlike runs too; nothing is claimed of them.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON on standard output.")
def command(
    folders: Sequence[Path],
    baseline: Path | None,
    fail_on: Sequence[str],
    junit: Path | None,
    markdown: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Hold run B (and C ...) against run A: before and after an upgrade, say.

    Each argument is a run folder. Runs are refused where CPU, kernel, a broker's major version, a promise or the
    question (load, message, topology, delivery, primary figure) differ.
    """
    gates = Gates.read(fail_on, junit, markdown)
    folders = [baseline, *folders] if baseline is not None else folders
    from brokerbench_analysis.across import changes
    from brokerbench_analysis.comparable import Side, differences
    from brokerbench_analysis.gate import judge

    if not 2 <= len(folders) <= len(string.ascii_uppercase):
        raise BadInput("compare needs two run folders or more", "give the earlier one first")
    studies = [load_study(folder) for folder in folders]
    first, *others = studies
    sides = [Side(study.run, study.summary) for study in studies]
    found = [differences(sides[0], side) for side in sides[1:]]
    refused = not force and any(difference.blocks_comparison for row in found for difference in row)
    made = [] if refused else changes(first, others)
    if not refused and not any(made):
        raise BadInput("the runs have no candidate of the same name", "compare runs of one scenario")
    judged = [] if refused else judge(gates.asked, first, others)
    if as_json:
        record = _record(folders, studies, found, made, refused) | {"gates": [g.record() for g in judged]}
        click.echo(json.dumps(record, indent=1, ensure_ascii=False))
    if refused:
        _refuse(found)
        return BAD_INPUT
    if not as_json:
        _print(folders, studies, found, made)
    return gates.status(judged, folders, quiet=as_json)


def _record(
    folders: Sequence[Path],
    studies: Sequence["Study"],
    found: Sequence[Sequence["Difference"]],
    made: Sequence[Sequence["Change"]],
    refused: bool,
) -> dict[str, object]:
    from brokerbench_analysis.across import BETWEEN_RUNS

    rows = zip(string.ascii_uppercase, folders, studies, strict=False)
    letters = string.ascii_uppercase[1:]
    return {
        "schema": 1,
        "comparable": not any(difference.blocks_comparison for row in found for difference in row),
        "refused": refused,
        "runs": {letter: {"folder": str(folder), "started": s.summary["started"]} for letter, folder, s in rows},
        "differences": {b: [d.record() for d in row] for b, row in zip(letters, found, strict=False)},
        "note": BETWEEN_RUNS,
        "changes": {b: [c.record() for c in row] for b, row in zip(letters, made, strict=False)},
    }


def _refuse(found: Sequence[Sequence["Difference"]]) -> None:
    for letter, row in zip(string.ascii_uppercase[1:], found, strict=False):
        for difference in row:
            if difference.blocks_comparison:
                click.echo(f"{letter} cannot be compared with A: {_clause(difference, letter)}", err=True)
    click.echo("Nothing was compared; --force shows the figures all the same.", err=True)


def _clause(difference: "Difference", letter: str) -> str:
    return f"{difference.what}: {difference.a} in A, {difference.b} in {letter}"


def _print(
    folders: Sequence[Path],
    studies: Sequence["Study"],
    found: Sequence[Sequence["Difference"]],
    made: Sequence[Sequence["Change"]],
) -> None:
    from rich.console import Console

    from brokerbench_analysis.across import BETWEEN_RUNS

    out = Console(highlight=False, soft_wrap=True)
    for letter, folder, study in zip(string.ascii_uppercase, folders, studies, strict=False):
        out.print(f"{letter}  {folder}, started {study.summary['started'] or 'at a time not recorded'}", markup=False)
    for letter, differing, changed in zip(string.ascii_uppercase[1:], found, made, strict=False):
        out.print()
        for difference in differing:
            kind = "not comparable" if difference.blocks_comparison else "note"
            out.print(f"{kind}: {_clause(difference, letter)}", markup=False)
        out.print(_table(letter, changed), soft_wrap=False)
        for change in changed:
            if change.primary and change.why:
                out.print(f"{change.candidate}: no claim: {change.why}", markup=False)
    out.print(f"\n{BETWEEN_RUNS} In brackets: not tested, some of these differ by chance.")


def _table(letter: str, changed: Sequence["Change"]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("candidate", no_wrap=True)
    table.add_column("figure")
    for heading in ("A", letter, f"{letter} / A", "interval"):
        table.add_column(heading, justify="right")
    table.add_column(f"{letter} is")
    for change in changed:
        table.add_row(*_row(change))
    return table


def _row(change: "Change") -> list[str]:
    from brokerbench_analysis.metrics import metric

    of = metric(change.metric)
    figure = of.words + (f", {of.unit}" if of.unit else "")
    interval = "–" if change.low is None or change.high is None else f"{change.low:.3g}–{change.high:.3g}"
    return [
        change.candidate if change.primary else "",
        figure,
        _figure(of, change.a, change.a_at_least),
        _figure(of, change.b, change.b_at_least),
        "–" if change.ratio is None else f"{change.ratio:.3g}",
        interval,
        change.text or "" if change.primary else f"({change.text})" if change.text else "",
    ]


def _figure(of: "Metric", value: float | None, at_least: bool) -> str:
    from brokerbench_analysis.words import counted, digits

    if value is None:
        return "–"
    return ("≥ " if at_least else "") + (digits(value, 3) if of.unit else counted(value))
