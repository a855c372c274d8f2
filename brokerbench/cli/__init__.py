"""The command line. Each command is imported only when it is called, and bare `brokerbench` needs none of them."""

import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

__all__ = ["COMMANDS", "main"]

COMMANDS = {  # name -> (module with `command`, one line for --help), in the order of a first day's use
    "demo": ("brokerbench.cli.demo", "Compare real brokers on this machine, now, and open the page."),
    "init": ("brokerbench.cli.init", "Write a scenario file to begin with."),
    "validate": ("brokerbench.cli.validate", "Check a scenario file; print what will be run, and how long it takes."),
    "run": ("brokerbench.cli.run", "Run a scenario file; write the run folder and its report."),
    "report": ("brokerbench.cli.report", "Make the report of a run folder again."),
    "compare": ("brokerbench.cli.compare", "Hold a run against an earlier one: before and after an upgrade."),
    "up": ("brokerbench.cli.up", "Bring up a broker to try things on, until `down`."),
    "down": ("brokerbench.cli.down", "End what `up` has started, with its data."),
    "doctor": ("brokerbench.cli.doctor", "Check this machine in detail, with what to do about each finding."),
    "schema": ("brokerbench.cli.schema", "Print the JSON Schema of scenario files, for editors."),
}


def main(arguments: list[str] | None = None) -> None:
    """The entry point. Leaves by SystemExit with the status of design: 0, 1 failed, 2 bad input, 3, 4, 130."""
    given = sys.argv[1:] if arguments is None else arguments
    if not given:  # the quick way: nothing but the standard library
        from .bare import show

        with suppress(OSError, ImportError, LookupError, ValueError):
            # What goes wrong, the guarded way below meets again and says in one line.
            sys.exit(show())
    from ._main import run

    sys.exit(run(given))


def command_names() -> list[str]:
    """Those this installation has."""
    return [name for name, (module, _) in COMMANDS.items() if find_spec(module) is not None]


def load_command(name: str) -> "click.Command | None":
    if name not in command_names():
        return None
    command: click.Command = import_module(COMMANDS[name][0]).command
    return command
