"""`brokerbench report FOLDER`: the page again, from what the run left on disk; no broker is needed."""

import os
import sys
import tempfile
from pathlib import Path

import click

from ._errors import OK, BadInput
from ._study import load_study

__all__ = ["command", "write_report"]


@click.command(name="report")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["html", "md", "json", "csv", "junit"]),
    default="html",
    show_default=True,
    help="html: the page; md: the short form; json: the figures; csv: one row a trial; junit: for CI.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write it; - for the terminal. Default: report.<format> in the folder (junit: report.xml).",
)
def command(folder: Path, fmt: str, output: Path | None) -> int:
    """Make the report of a run FOLDER again."""
    if str(output) == "-":
        sys.stdout.write(_text(folder, fmt))
        return OK
    target = write_report(folder, fmt, output)
    click.echo(target.resolve().as_uri() if fmt == "html" else str(target))
    return OK


def write_report(folder: Path, fmt: str = "html", output: Path | None = None) -> Path:
    """Write the report whole or not at all; return where. Raises BadInput for a folder that is no run."""
    from brokerbench_reports import SUFFIXES

    target = output or folder / f"report.{SUFFIXES.get(fmt, fmt)}"
    text = _text(folder, fmt)
    part: str | None = None
    try:
        handle, part = tempfile.mkstemp(dir=target.parent, prefix=".report.", suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(part, 0o644)  # mkstemp's 0600 would keep it from a web server
        os.replace(part, target)
    except OSError as error:
        if part is not None:
            Path(part).unlink(missing_ok=True)
        raise BadInput(
            f"the report cannot be written to {target} ({error.strerror})", "name another file with -o"
        ) from None
    return target


def _text(folder: Path, fmt: str) -> str:
    from brokerbench_reports import render

    return render(load_study(folder), fmt)
