"""How figures and other people's words are written: units, digits, and names that cannot harm the page.

A figure that was not measured is None and is written in words, never as 0.
"""

import math
import os.path
import re
import unicodedata
from collections.abc import Mapping, Sequence

__all__ = [
    "NOT_MEASURED",
    "clean",
    "count",
    "figure",
    "flag",
    "labels",
    "plural",
    "rate",
    "short",
    "signed_percent",
    "value",
]

NOT_MEASURED = "not measured"

_ODD = re.compile(r"[^ -~\n\t]")
_HIDDEN = {"Cc", "Cf", "Cs", "Co"}


def clean(text: object) -> str:
    """Text from a scenario, a broker or a log, with what cannot be seen made visible: controls, direction marks."""
    return _ODD.sub(_visible, str(text))


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


def rate(number: float | None) -> str:
    """Messages per second: four digits say more than a benchmark can promise."""
    return figure(number, 4)


def count(number: float | None) -> str:
    """A number of messages is never rounded."""
    return NOT_MEASURED if number is None else f"{number:,.0f}"


def value(number: float | None, unit: str = "", digits: int = 3) -> str:
    """A figure with its unit."""
    text = figure(number, digits)
    return text if number is None or not unit else f"{text} {unit}"


def signed_percent(ratio: float) -> str:
    """A ratio as its distance from one: 1.12 -> +12 %."""
    change = (ratio - 1) * 100
    if abs(ratio) >= 10:
        return f"× {figure(ratio)}"
    return f"{'+' if change > 0 else '−' if change < 0 else '±'}{figure(abs(change), 2)} %"


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


def plural(number: int, noun: str) -> str:
    """`1 trial`, `3 trials`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
