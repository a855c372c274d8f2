"""All rules over all candidates, in one order: losses first, then consumers before producers.

What is taken off faster cannot jam; a producer that is widened first fills a queue that nobody empties.
"""

from collections.abc import Iterator, Sequence

from brokerbench_analysis.candidates import Candidate
from brokerbench_analysis.folder import Json

from . import kafka, message, others, rabbitmq
from .case import case_of
from .rule import Advice, Rule

__all__ = ["RULES", "advise"]

RULES: tuple[Rule, ...] = (*rabbitmq.RULES, *kafka.RULES, *others.RULES, *message.RULES)


def advise(run: Json, candidates: Sequence[Candidate]) -> list[Advice]:
    """Nothing of a candidate whose pattern is not there, or whose trials cannot be believed."""
    return [advice for candidate in candidates for advice in _of(run, candidate)]


def _of(run: Json, candidate: Candidate) -> Iterator[Advice]:
    case = case_of(run, candidate)
    if case is None:
        return
    trials = tuple(trial.files.id for trial in case.trials)
    version = case.facts.get("version")
    for rule in RULES:
        if case.driver in rule.drivers:
            for finding in rule.find(case):
                yield Advice(case.name, rule, finding, trials, None if version is None else str(version))
