"""`brokerbench down [NAME]`: ends what `up` has started."""

import click

from ._errors import FAILED, OK, BadInput
from ._kept import Kept

__all__ = ["command"]

END_S = 90.0  # a broker flushes and says goodbye in seconds; the keeper kills what does not


@click.command("down")
@click.argument("name", required=False)
def command(name: str | None) -> int:
    """End the server NAME that `up` has started, with its data; without a name, all of them.

    Exit status: 0 nothing of it is left; 1 its keeper did not end; 2 no server of that name is up.
    """
    up = Kept.all()
    chosen = [kept for kept in up if name in (None, kept.name)]
    if name is not None and not chosen:
        others = f"up are {', '.join(kept.name for kept in up)}" if up else "nothing is up"
        raise BadInput(f"no server called {name!r} is up", others)
    if not chosen:
        click.echo("nothing is up")
    status = OK
    for kept in chosen:
        if kept.end(END_S):
            click.echo(f"{kept.name} is down; its data is gone")
        else:
            click.echo(f"{kept.name}: process {kept.keeper['pid']} still ends after {END_S:g} s; ask again", err=True)
            status = FAILED
    return status
