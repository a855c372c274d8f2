"""What a candidate answers to the scenario's needs, now that its server has told what it is.

run.json has the answers as of before the run, and the lines behind them; only what was left open is judged again, with
the version, and with what a setting left to the server turned out to be (which product was found, say).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench.model import SUPPORTED_VERSION, Answer, Having, Line, Need, answer_to, support_of

__all__ = ["answers_of", "lacking", "lines_of", "read_known", "support"]


def read_known(about: Mapping[str, Any]) -> tuple[list[Answer], list[Line]]:
    """What run.json keeps of a candidate: its answers as of before the run, and the lines behind them. Raises
    ValueError; a run made before these were kept has none."""
    answers = [Answer.model_validate(each) for each in about.get("needs") or ()]
    return answers, [Line.model_validate(each) for each in about.get("qualities") or ()]


def answers_of(about: Mapping[str, Any], facts: Mapping[str, Any], day: str) -> tuple[Answer, ...]:
    """`about`: the candidate in run.json; `day`: of the run."""
    return tuple(_again(each, about, facts, day) for each in read_known(about)[0])


def support(about: Mapping[str, Any], facts: Mapping[str, Any], day: str) -> Answer:
    """Whether the version that was measured is supported: by the driver's dates, else by what a page says of it."""
    dated = support_of(facts, day)
    if dated.having is not Having.NOT_KNOWN or facts.get("version") is None:
        return dated
    told = _by_lines(Need(word=SUPPORTED_VERSION), about, facts)
    return dated if told.having is Having.NOT_KNOWN else told


def lines_of(about: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Line, ...]:
    """What is known of the set-up that was measured."""
    kept = read_known(about)[1]
    told, version = _told(about, facts), facts.get("version")
    return tuple(line for line in kept if line.applies(told, version and str(version)) is not False)


def lacking(answers: Sequence[Answer]) -> list[Answer]:
    return [each for each in answers if each.having is Having.NOT_MET]


def _again(before: Answer, about: Mapping[str, Any], facts: Mapping[str, Any], day: str) -> Answer:
    need = Need.model_validate(before.need)
    if need.word == SUPPORTED_VERSION:
        return support(about, facts, day) if facts else before
    if before.having is not Having.NOT_KNOWN or not facts.get("version"):
        return before
    return _by_lines(need, about, facts)


def _by_lines(need: Need, about: Mapping[str, Any], facts: Mapping[str, Any]) -> Answer:
    return answer_to(need, lines_of(about, facts), _told(about, facts), {}, str(facts["version"]))


def _told(about: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, and for one that was left to the server what it turned out to be."""
    settings = (about.get("promise") or {}).get("settings") or {}
    return {name: facts.get(name) if value is None else value for name, value in settings.items()}
