"""How figures stand in a sentence: significant digits, thousands apart, never rounded whole parts."""

import math

__all__ = ["counted", "digits", "distance", "percent"]


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


def percent(share: float, significant: int = 2) -> str:
    return f"{digits(share * 100, significant)} %"


def distance(low: float, high: float) -> str:
    """The interval of a ratio that excludes 1, in words: `2.1–2.6 times lower`, `12–18 % higher`."""
    if high < 1:
        if 1 / low >= 1.5:
            return f"{_span(1 / high, 1 / low)} times lower"
        return f"{_span((1 - high) * 100, (1 - low) * 100)} % lower"
    if high >= 1.5:
        return f"{_span(low, high)} times higher"
    return f"{_span((low - 1) * 100, (high - 1) * 100)} % higher"


def _span(low: float, high: float) -> str:
    a, b = digits(low), digits(high)
    return a if a == b else f"{a}–{b}"
