"""`schema`: the JSON Schema of scenario files."""

import json

import click

from brokerbench_scenarios import schema

from ._errors import OK
from ._scenario import FEATURES, Drivers, Settings

__all__ = ["command", "schema_text"]


@click.command("schema")
def command() -> int:
    """Print the JSON Schema of scenario files, for editors."""
    click.echo(schema_text(), nl=False)
    return OK


def schema_text() -> str:
    return json.dumps(schema(Settings(Drivers()), FEATURES), indent=2, ensure_ascii=False) + "\n"
