"""`brokerbench report FOLDER`: the page again, from what the run left on disk; no broker is needed."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from brokerbench_reports import FORMATS, NotExportable

from ._errors import OK, BadInput
from ._files import write_whole
from ._index import write_index
from ._study import load_study

__all__ = ["command", "write_report"]


@click.command(name="report")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format",
    "fmt",
    type=click.Choice(list(FORMATS)),
    default="html",
    show_default=True,
    help=f"{'; '.join(f'{name}: {fmt.about}' for name, fmt in FORMATS.items())}.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write it, a folder where there are several files; - for the terminal. Default: in the run folder.",
)
@click.option(
    "--index", type=click.Path(path_type=Path), metavar="RESULTS", help="The page of all runs in a folder instead."
)
def command(folder: Path | None, fmt: str, output: Path | None, index: Path | None) -> int:
    """Make the report of a run FOLDER again, or the page of all runs."""
    if (folder is None) == (index is None):
        raise BadInput("report needs one folder", "name a run folder, or --index with the folder of all runs")
    if index is not None:
        click.echo(write_index(index).resolve().as_uri())
        return OK
    assert folder is not None
    if str(output) == "-":
        _print(_made(folder, fmt))
        return OK
    for target in write_report(folder, fmt, output):
        click.echo(target.resolve().as_uri() if fmt == "html" else str(target))
    return OK


def write_report(folder: Path, fmt: str = "html", output: Path | None = None) -> list[Path]:
    """Write each file whole or not at all; return where. Raises BadInput for a folder that is no run."""
    made = _made(folder, fmt)
    several = len(made) > 1
    targets = [(output / name if several else output) if output else folder / name for name in made]
    for target, content in zip(targets, made.values(), strict=True):
        try:
            if output and several:
                output.mkdir(parents=True, exist_ok=True)
            write_whole(target, content)
        except OSError as error:
            what = "a folder for them" if several else "another file"
            raise BadInput(
                f"the report cannot be written to {target} ({error.strerror})", f"name {what} with -o"
            ) from None
    return targets


def _print(made: Mapping[str, Iterator[bytes]]) -> None:
    if len(made) > 1:
        raise BadInput(f"{' and '.join(made)} are two files", "name a folder for them with -o")
    [content] = made.values()
    sys.stdout.flush()
    sys.stdout.buffer.writelines(content)
    sys.stdout.buffer.flush()


def _made(folder: Path, fmt: str) -> Mapping[str, Iterator[bytes]]:
    from brokerbench_reports import files

    study = load_study(folder)
    try:
        return files(study, fmt)
    except NotExportable as why:
        raise BadInput(str(why)) from None
