"""The regression gates of `compare`: read before anything is loaded, told in lines and files, counted in the status."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from brokerbench.model import Gate

from ._errors import NOT_MET, NOT_VALID, OK, BadInput

if TYPE_CHECKING:
    from brokerbench_analysis.gate import Judged

__all__ = ["Gates"]


@dataclass(frozen=True)
class Gates:
    asked: tuple[Gate, ...]
    junit: Path | None
    markdown: Path | None

    @classmethod
    def read(cls, texts: Sequence[str], junit: Path | None, markdown: Path | None) -> "Gates":
        """Raises BadInput."""
        from brokerbench_scenarios import read_gate

        if not texts and (junit or markdown):
            raise BadInput("--junit and --markdown tell what gates found", "add --fail-on 'end_to_end.p99 > +10%', say")
        try:
            return cls(tuple(map(read_gate, texts)), junit, markdown)
        except ValueError as error:
            raise BadInput(f"--fail-on {error}") from None

    def status(self, judged: "Sequence[Judged]", folders: Sequence[Path], *, quiet: bool) -> int:
        """Write the files, say what was found; what could not be judged comes before what failed."""
        from brokerbench_analysis.across import BETWEEN_RUNS
        from brokerbench_analysis.gate import GateState
        from brokerbench_reports.gates import gates_as_junit, gates_as_markdown

        if self.junit:
            _write(self.junit, gates_as_junit(judged))
        if self.markdown:
            _write(self.markdown, gates_as_markdown(judged, folders, [BETWEEN_RUNS]))
        if not quiet:
            for found in judged:
                where = f"{found.letter}, {found.candidate}"
                click.echo(f"gate {found.state.value.replace('-', ' ')}: {where}: {found.gate.text}: {found.text}")
        states = {found.state for found in judged}
        return NOT_VALID if GateState.NOT_JUDGED in states else NOT_MET if GateState.FAILED in states else OK


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror})", "name another file") from None
