"""What surrounds every command: the lazy group, exit statuses, and one line instead of a traceback."""

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from brokerbench import __version__

from . import COMMANDS, command_names, load_command
from ._errors import BAD_INPUT, FAILED, INTERRUPTED, OK

__all__ = ["group", "run"]


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):  # from the table: help imports no command
            formatter.write_dl([(name, COMMANDS[name][1]) for name in command_names()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in command_names() and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, command_names(), n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No command is called {name!r}.{meant}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Print the traceback of an unexpected error.")
@click.version_option(__version__, prog_name="brokerbench")
@click.pass_context
def group(ctx: click.Context, debug: bool) -> int:
    """Benchmark message brokers with figures that are true."""
    ctx.obj = {"debug": debug}
    if ctx.invoked_subcommand is None:
        from .bare import show

        return show()
    return OK


def run(arguments: Sequence[str]) -> int:
    """The exit status of one call."""
    try:
        result = group.main(args=list(arguments), prog_name="brokerbench", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return BAD_INPUT if isinstance(error, click.UsageError) else error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last door: a person gets one line, the log gets the rest
        return _unexpected(error, debug="--debug" in arguments)
    return result if isinstance(result, int) else OK


def _unexpected(error: Exception, *, debug: bool) -> int:
    from brokerbench_scenarios import ScenarioError

    if isinstance(error, ScenarioError):
        click.echo(error.render(), err=True)
        return BAD_INPUT
    text = "".join(traceback.format_exception(error))
    if debug:
        click.echo(text, err=True)
    said = (str(error) or "no message").splitlines()[0]
    where = _log(text)
    click.echo(f"brokerbench: unexpected {type(error).__name__}: {said}", err=True)
    click.echo(f"The traceback is in {where}; `brokerbench --debug ...` prints it.", err=True)
    return FAILED


def _log(text: str) -> Path:
    """Kept in the user's state folder, or in the temporary one where that cannot be written."""
    from ._kept import state_home

    name = f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (state_home(), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        return folder / name
    return Path(os.devnull)
