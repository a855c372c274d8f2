"""`brokerbench run FILE`."""

from pathlib import Path

import click

from ._errors import BadInput
from ._execute import RunRequest, run_scenario
from ._scenario import load_scenario

__all__ = ["command"]


@click.command("run")
@click.argument("file")
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"), show_default=True)
@click.option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Override any key, like load.warmup=2s.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="The same seed gives the same order and payloads.")
@click.option("--short", is_flag=True, help="Seconds instead of minutes, to see that it works: no claim.")
@click.option(
    "--json", "as_json", is_flag=True, help="JSON on standard output, a line a second; the last has the summary."
)
@click.option("--allow-busy", is_flag=True, help="Measure on an external server that others use at the same time.")
@click.option(
    "--prove",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="After the run, try its first N pieces of advice: old setting against new, in paired trials; the report shows"
    " each gain with its interval. Takes as long as the run again, or longer.",
)
def command(
    file: str,
    results: Path,
    overrides: tuple[str, ...],
    seed: int | None,
    short: bool,
    as_json: bool,
    allow_busy: bool,
    prove: int,
) -> int:
    """Run a scenario FILE (or a shipped scenario's name); write the run folder and its report.

    Exit status: 0 valid; 1 a trial failed; 2 bad input; 3 not valid; 4 a condition was not met; 130 interrupted.
    """
    if results.exists() and not results.is_dir():
        raise BadInput(f"--results {results} is a file", "name a folder")
    if short and prove:
        raise BadInput("--short claims nothing, so there is nothing to --prove", "leave one of the two out")
    loaded = load_scenario(file, overrides)
    return run_scenario(loaded, RunRequest(results, seed, short, as_json, allow_busy, prove))
