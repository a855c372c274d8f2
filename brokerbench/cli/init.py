"""`init`: a scenario file to begin with, with comments, and the schema that lets editors complete it."""

import re
from pathlib import Path

import click

from brokerbench_scenarios import shipped_text

from ._errors import OK, BadInput
from .schema import schema_text

__all__ = ["command"]

SCHEMA_FILE = "brokerbench.schema.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@click.command("init")
@click.argument("name", default="my-scenario")
def command(name: str) -> int:
    """Write a scenario file to begin with.

    NAME is the scenario's name, or the path of the file to write; it is never overwritten.
    """
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if not _NAME.fullmatch(path.stem):
        raise BadInput(f"a scenario cannot be called {path.stem!r}", "small letters, digits and '-', at most 64")
    text = shipped_text("order-events").replace("scenario: order-events", f"scenario: {path.stem}", 1)
    editor = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(editor + text)
    except FileExistsError:
        raise BadInput(f"{path} is there already and is not overwritten", "give another name") from None
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}", "give a path in a folder that exists") from None
    # Generated, and the same for all files beside it: always that of this version.
    (path.parent / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    click.echo(f"wrote {path} and {path.parent / SCHEMA_FILE}")
    click.echo(f"next: edit it, then `brokerbench validate {path}`, then `brokerbench run {path}`")
    return OK
