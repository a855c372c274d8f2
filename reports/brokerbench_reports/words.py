"""How figures and other people's words are written: units, digits, and names that cannot harm the page.

A figure that was not measured is None and is written in words, never as 0.
"""

import datetime as dt
import math
import os.path
import re
import unicodedata
from collections.abc import Mapping, Sequence

from brokerbench_analysis.metrics import Reading, spread

__all__ = [
    "NOT_MEASURED",
    "age",
    "between",
    "cell",
    "clean",
    "count",
    "figure",
    "flag",
    "labels",
    "percent",
    "plural",
    "reading",
    "short",
    "value",
]

NOT_MEASURED = "not measured"

_ODD = re.compile(r"[^ -~\n\t]")
_HIDDEN = {"Cc", "Cf", "Cs", "Co"}


def clean(text: object) -> str:
    """Text from a scenario, a broker or a log, with what cannot be seen made visible: controls, direction marks."""
    return _ODD.sub(_visible, str(text))


def cell(text: object) -> str:
    """One line of text for a CSV cell; what a spreadsheet would take for a formula gets a leading apostrophe."""
    line = clean(str(text).replace("\r", " ").replace("\n", " ").replace("\t", " "))
    return f"'{line}" if line.lstrip()[:1] in {"=", "+", "-", "@", "|", "%"} else line


def _visible(match: re.Match[str]) -> str:
    letter = match[0]
    return f"⟨U+{ord(letter):04X}⟩" if unicodedata.category(letter) in _HIDDEN else letter


def figure(number: float | None, digits: int = 3) -> str:
    """`digits` significant digits, thousands apart, never an exponent: 0.0123, 4.57, 45.7, 1,230."""
    if number is None or not math.isfinite(number):
        return NOT_MEASURED
    if number == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(number)))
    rounded = round(number, places)
    if abs(rounded) >= 10 ** (digits - places):  # 0.9996 became 1.000: one digit more than asked
        places -= 1
    return f"{rounded:,.{max(0, min(places, 9))}f}"


def reading(found: Reading, digits: int = 3) -> str:
    """A figure that may be only a lower bound: 4.57, ≥ 4.57."""
    return ("≥ " if found[1] else "") + figure(found[0], digits)


def between(found: Sequence[Reading], digits: int = 3) -> str:
    """The lowest and the highest: `1.20–≥ 4.57`; empty where they read the same or there are fewer than two."""
    ends = [reading(end, digits) for end in spread(found)] if len(found) > 1 else []
    return "–".join(ends) if len(set(ends)) == 2 else ""


def count(number: float | None) -> str:
    """A number of messages is never rounded."""
    return NOT_MEASURED if number is None else f"{number:,.0f}"


def value(number: float | None, unit: str = "", digits: int = 3) -> str:
    """A figure with its unit."""
    text = figure(number, digits)
    return text if number is None or not unit else f"{text} {unit}"


def percent(share: float | None, *, chosen: bool = False) -> str:
    """A share of one: 0.0412 -> 4.1 %. One that somebody chose has no digits beyond it: 0.05 -> 5 %."""
    if share is None:
        return NOT_MEASURED
    return f"{100 * share:.3g} %" if chosen else f"{figure(100 * share, 2)} %"


def flag(answer: object) -> str:
    """A YAML or JSON value as one line of text."""
    match answer:
        case None:
            return "not set"
        case bool():
            return "yes" if answer else "no"
        case Mapping():
            return ", ".join(f"{key}: {flag(item)}" for key, item in answer.items()) or "none"
        case str():
            return answer
        case Sequence():
            return ", ".join(flag(item) for item in answer) or "none"
    return f"{answer:g}" if isinstance(answer, float) else str(answer)


def plural(number: int, noun: str, many: str = "") -> str:
    """`1 trial`, `3 trials`."""
    return f"{number:,} {noun if number == 1 else many or f'{noun}s'}"


def age(released: str, at: str) -> str:
    """How old a release was on a day, both ISO dates: `3 months old`; empty where one of them is no date."""
    try:
        days = (dt.date.fromisoformat(at[:10]) - dt.date.fromisoformat(released[:10])).days
    except ValueError:
        return ""
    if days < 0:
        return ""
    if days < 60:
        return f"{plural(days, 'day')} old"
    if days < 730:
        return f"{plural(round(days / 30.44), 'month')} old"
    return f"{days / 365.25:.1f} years old"


def labels(names: Sequence[str], length: int) -> dict[str, str]:
    """Short names that still tell the candidates apart: what long ones share at their beginning goes first."""
    if all(len(name) <= length for name in names):
        return {name: name for name in names}
    shared = os.path.commonprefix(list(names)) if len(names) > 1 else ""  # noqa: RUF071 - of letters, as meant
    cut = max(shared.rfind(mark) for mark in "-_ .") + 1
    shortened = {name: short(f"…{name[cut:]}" if cut > 2 else name, length) for name in names}
    return shortened if len(set(shortened.values())) == len(names) else {n: short(n, length) for n in names}


def short(name: str, length: int = 16) -> str:
    """A name for a narrow place; the page gives the whole one beside it."""
    if len(name) <= length:
        return name
    tail = length // 2 - 1
    return f"{name[: length - tail - 1]}…{name[-tail:]}"
