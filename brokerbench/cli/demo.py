"""`brokerbench demo`: the first result, on servers that come with pip."""

from pathlib import Path

import click

from ._errors import NOT_MET, NOT_VALID, OK
from ._execute import RunRequest, run_scenario
from ._scenario import load_scenario

__all__ = ["command"]


@click.command("demo")
@click.option("--results", type=click.Path(path_type=Path, file_okay=False), default=Path("results"), show_default=True)
@click.option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Override any key of the demo scenario.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1))
def command(results: Path, overrides: tuple[str, ...], seed: int | None) -> int:
    """Compare brokers on this machine: Kafka, Artemis, JetStream, Valkey, ZeroMQ; RabbitMQ where it is installed."""
    status = run_scenario(load_scenario("demo", overrides), RunRequest(results, seed))
    # Four seconds on an unprepared machine are a first look, not a gate: what was not valid or not met has been said.
    return OK if status in (NOT_VALID, NOT_MET) else status
