"""What is known of a broker beside its figures, line by line with its source, and what that answers to a need.

The engine judges before the run, from the settings; the analysis judges again what hung on the version, once a server
has told it. Unknown stays "not known": only a source, a driver or a test can say no.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .frozen import Frozen
from .needs import SUPPORTED_VERSION, VALUED_NEEDS, VALUES, Need
from .units import size_bytes
from .versions import holds

__all__ = ["FACTORS", "Answer", "Having", "Line", "Proof", "answer_to", "support_of"]

UNLIMITED = "unlimited"
FACTORS = ("performance", "community", "support")  # of the selection literature, beside those that are needs too
_YES, _NO = "yes", "no"


class Having(StrEnum):
    MET = "met"
    NOT_MET = "not met"
    NOT_KNOWN = "not known"


class Proof(StrEnum):
    """Why an answer may be believed."""

    CONFORMANCE = "conformance"  # a test asks it of a real server
    DRIVER = "driver"  # the driver does not declare it for this set-up
    SOURCE = "source"  # a page, read on a day
    RELEASES = "releases"  # the dates that the driver brings, against the day of the run


class Line(Frozen):
    """One line of a qualities.yaml. `answer` is yes or no for a plain need, a list for protocols, languages and
    licences, a size for message-size; a factor has only `says`. `only`: the source names all there are, or the
    highest value, so that what is beyond the answer is not there."""

    about: str
    answer: Literal["yes", "no"] | tuple[str, ...] | str | None = None
    only: bool = False
    says: str = ""
    when: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)  # settings of the driver, and what each may be
    versions: str | None = None  # as `versions.holds` reads it
    ours: bool = False  # of the server that we start: one that is given by url may be another product
    source: Annotated[str, Field(pattern=r"^https://\S+$")] | None = None
    read: date | None = None
    proved: Literal["conformance", "driver"] | None = None  # a test asks it of a server; the driver does not declare it

    @model_validator(mode="after")
    def _stands_on_something(self) -> "Line":
        if self.proved is None and (self.source is None or self.read is None):
            raise ValueError(f"{self.about}: give a source and the day it was read, or proved: conformance")
        if self.proved and self.proved != ("driver" if self.answer == _NO else "conformance"):
            raise ValueError(f"{self.about}: a yes is proved: conformance, a no is proved: driver; else give a source")
        if self.versions is not None:
            holds(self.versions, "0")
        self._answers()
        return self

    def _answers(self) -> None:
        if self.about in FACTORS:
            fits = self.answer is None and bool(self.says)
        elif self.about in VALUES:
            fits = isinstance(self.answer, tuple) and set(self.answer) <= set(VALUES[self.about])
        elif self.about == "message-size":
            fits = isinstance(self.answer, str) and (self.answer == UNLIMITED or size_bytes(self.answer) > 0)
        else:
            fits = self.answer in (_YES, _NO)
        if not fits:
            raise ValueError(f"{self.about}: {self.answer!r} with {self.says!r} is not what stands here")

    def under(self, settings: Mapping[str, Any]) -> bool | None:
        """Whether it is about this set-up; None where a setting that it hangs on is left open."""
        found = [_fits(settings.get(name), allowed) for name, allowed in self.when.items()]
        return False if False in found else None if None in found else True

    def applies(self, settings: Mapping[str, Any], version: str | None) -> bool | None:
        """The same with the version; None where others may apply instead."""
        found = [self.under(settings), True if self.versions is None else holds(self.versions, version)]
        return False if False in found else None if None in found else True


class Answer(Frozen):
    """What a candidate has to say to one need."""

    need: str
    having: Having
    says: str = ""
    proof: Proof | None = None
    source: str | None = None
    read: date | None = None


def answer_to(
    need: Need,
    lines: Sequence[Line],
    settings: Mapping[str, Any],
    declared: Mapping[str, bool],
    version: str | None = None,
) -> Answer:
    """`declared`: every feature that a driver may declare, and whether it does for these settings. `version`: as far as
    it is known, which may be its first part."""
    own = [line for line in lines if line.about == need.word and line.under(settings) is not False]
    if need.word in declared:
        return _declared(need, own, has=declared[need.word])
    judged = [(line, applies) for line in own if (applies := line.applies(settings, version)) is not False]
    # A list without this value tells nothing where another line does.
    judged = [each for each in judged if _having(need, each[0]) is not Having.NOT_KNOWN] or judged
    there, certain = [line for line, _ in judged], [line for line, applies in judged if applies]
    if not certain or len({_having(need, line) for line in there}) > 1:
        return Answer(need=need.text, having=Having.NOT_KNOWN, says=_open(need, there))
    first = certain[0]
    return Answer(
        need=need.text,
        having=_having(need, first),
        says=_says(need, first),
        proof=Proof.CONFORMANCE if first.proved else Proof.SOURCE,
        source=first.source,
        read=first.read,
    )


def support_of(facts: Mapping[str, Any], day: str) -> Answer:
    """Whether the measured version was still supported on the day of the run, by the dates that the driver brings."""
    version, ends = facts.get("version"), facts.get("support_ends")
    if version is None or ends is None:
        says = f"no end of support is known of {version}" if version else "the server told no version"
        return Answer(need=SUPPORTED_VERSION, having=Having.NOT_KNOWN, says=says)
    over = str(ends) < day[:10]
    says = f"support of {version} {'ended' if over else 'goes on until'} {ends}"
    having = Having.NOT_MET if over else Having.MET
    return Answer(need=SUPPORTED_VERSION, having=having, says=says, proof=Proof.RELEASES)


def _declared(need: Need, own: Sequence[Line], *, has: bool) -> Answer:
    same = next((line for line in own if line.answer == (_YES if has else _NO)), None)
    if has:
        says = same.says if same else ""
        return Answer(need=need.text, having=Having.MET, says=says, proof=Proof.CONFORMANCE)
    says = same.says if same and same.says else "these settings do not give it"
    return Answer(
        need=need.text,
        having=Having.NOT_MET,
        says=says,
        proof=Proof.SOURCE if same and same.source else Proof.DRIVER,
        source=same.source if same else None,
        read=same.read if same else None,
    )


def _having(need: Need, line: Line) -> Having:
    if need.word not in VALUED_NEEDS:
        return Having.MET if line.answer == _YES else Having.NOT_MET
    if need.word == "message-size":
        if line.answer == UNLIMITED or size_bytes(line.answer) >= size_bytes(need.value):
            return Having.MET
        return Having.NOT_MET if line.only else Having.NOT_KNOWN
    there = line.answer or ()
    if need.word == "licence":  # of several, the user chooses
        return Having.MET if any(need.allowed_by(each) for each in there) else Having.NOT_MET
    if need.value in there:
        return Having.MET
    return Having.NOT_MET if line.only else Having.NOT_KNOWN


def _open(need: Need, there: Sequence[Line]) -> str:
    """Why it is not known."""
    if there:
        return f"it depends: {'; '.join(f'{_says(need, line) or line.answer}{_where(line)}' for line in there)}"
    if need.word == SUPPORTED_VERSION:
        return "the server tells its version as it runs"
    return "nothing is recorded about it"


def _says(need: Need, line: Line) -> str:
    if need.word not in VALUED_NEEDS:
        return line.says
    there = ", ".join(line.answer) if isinstance(line.answer, tuple) else str(line.answer)
    return f"{there}; {line.says}" if line.says else there


def _where(line: Line) -> str:
    parts = [f"version {line.versions}"] if line.versions else []
    parts += [f"{name}: {' or '.join(allowed)}" for name, allowed in line.when.items()]
    return f" ({', '.join(parts)})" if parts else ""


def _fits(given: Any, allowed: Sequence[str]) -> bool | None:
    if given is None:
        return None
    word = str(given).lower() if isinstance(given, bool) else str(given)
    return word in allowed
