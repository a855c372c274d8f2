"""What the regression gates found, for a pull request: markdown for people, JUnit XML for the CI system."""

from collections.abc import Sequence
from pathlib import Path

from brokerbench_analysis.gate import GateState, Judged

from .junit import Case, State, junit
from .markdown import plain, table_row

__all__ = ["gates_as_junit", "gates_as_markdown"]

_STATES: dict[GateState, State] = {
    GateState.PASSED: "passed",
    GateState.FAILED: "failed",
    GateState.UNDECIDED: "skipped",
    GateState.NOT_JUDGED: "error",
}
_WORDS = {
    GateState.PASSED: "passed",
    GateState.FAILED: "**failed**",
    GateState.UNDECIDED: "undecided",
    GateState.NOT_JUDGED: "**not judged**",
}


def gates_as_junit(judged: Sequence[Judged]) -> str:
    """One case for each gate of each candidate; what is undecided is skipped, what could not be judged an error."""
    cases = [
        Case(f"{found.letter}.{found.candidate}", found.gate.text, _STATES[found.state], found.text) for found in judged
    ]
    return junit("regression gates", cases)


def gates_as_markdown(judged: Sequence[Judged], runs: Sequence[Path], notes: Sequence[str]) -> str:
    """The first run is the baseline, A. `notes`: what else must be said of these runs."""
    worst = [found for found in judged if found.state in (GateState.FAILED, GateState.NOT_JUDGED)]
    open_ones = sum(found.state is GateState.UNDECIDED for found in judged)
    told = f"{len(worst)} of {len(judged)} gates do not hold" if worst else f"no gate of {len(judged)} fails"
    told += f", {open_ones} undecided" if open_ones else ""
    lines = [f"## brokerbench: {told}", "", f"Baseline: {plain(runs[0].name)}.", ""]
    lines += [table_row(("run", "candidate", "gate", "state", "found")), table_row(["---"] * 5)]
    for found in judged:
        later = runs[ord(found.letter) - ord("A")].name
        cells = (later, found.candidate, found.gate.text)
        lines.append(table_row([*map(plain, cells), _WORDS[found.state], plain(found.text)]))
    if open_ones:
        lines += ["", "Undecided: the bound lies within the interval; more blocks may tell."]
    lines += ["", *(f"{plain(note)}\n" for note in notes)]
    return "\n".join(lines).rstrip() + "\n"
