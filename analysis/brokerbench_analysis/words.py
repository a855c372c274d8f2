"""How figures stand in a sentence: significant digits, thousands apart, never rounded whole parts."""

import math

__all__ = ["article", "compared", "counted", "digits", "percent", "side"]

TIMES_FROM = 1.5


def digits(number: float | None, significant: int = 2) -> str:
    """`significant` digits after rounding, but no whole part is rounded away: 0.12, 1.9, 12, 1,234."""
    if number is None:
        return "not measured"
    if number == 0:
        return "0"
    places = max(0, significant - 1 - math.floor(math.log10(abs(number))))
    return f"{number:,.{places}f}"


def counted(number: float) -> str:
    """A number that somebody asked for: as short as it is exact."""
    return f"{number:,.0f}" if number == round(number) else f"{number:,g}"


def article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def percent(share: float, significant: int = 2) -> str:
    return f"{digits(share * 100, significant)} %"


def compared(low: float, high: float, more: str = "higher", less: str = "lower") -> str:
    """The interval of a ratio that excludes 1, in words: `2.1–2.6 times lower`, `12–18 % higher`.

    Percent where an end is near 1: `1.0–1.6 times` would hide that there is a difference."""
    word, near, far = (less, 1 / high, 1 / low) if high < 1 else (more, low, high)
    if near >= TIMES_FROM:
        return f"{_span(near, far)} times {word}"
    return f"{_span(*sorted((abs(1 - low) * 100, abs(1 - high) * 100)))} % {word}"


def side(ratio: float, more: str = "higher", less: str = "lower") -> str:
    """One end of an interval that may lie on either side of 1: `3.0 % less`, `2.4 times higher`."""
    return compared(ratio, ratio, more, less)


def _span(low: float, high: float) -> str:
    a, b = digits(low), digits(high)
    return a if a == b else f"{a}–{b}"
