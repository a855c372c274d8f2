"""Units live in the value: `5k/s`, `1KiB`, `2m`. A bare number has no unit, so it is refused.

Each parser takes what YAML gave (text or number), returns base units (msgs/s, seconds, bytes, a count, a share of one)
and raises ValueError with one line that names the accepted form.
"""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo

__all__ = [
    "BASE_UNITS",
    "LARGEST_BYTES",
    "STAMP_BYTES",
    "Count",
    "Duration",
    "Rate",
    "Share",
    "Size",
    "count",
    "duration_s",
    "format_duration",
    "format_size",
    "rate_msgs_s",
    "share",
    "size_bytes",
    "unless_base",
]

STAMP_BYTES = 16  # at the head of every payload
LARGEST_BYTES = 64 * 2**20
BASE_UNITS = "base units"  # as validation context: numbers are already in base units (a dump read back)

_NUMBER = re.compile(r"^\s*([0-9]+(?:_?[0-9]+)*(?:\.[0-9]+)?)\s*([A-Za-zµ/%]*)\s*$")
_SCALE = {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
_TIME = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SIZE = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def _split(value: object, what: str, example: str) -> tuple[float, str]:
    match = _NUMBER.match(str(value)) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None
    if match is None:
        raise ValueError(f"{what} is a number with its unit, like {example}; found {value!r}")
    return float(match[1].replace("_", "")), match[2]


def _scaled(value: object, units: dict[str, float], what: str, example: str) -> float:
    number, unit = _split(value, what, example)
    if unit not in units:
        found = f"the unit {unit!r}" if unit else "no unit"
        raise ValueError(f"{what} needs a unit ({', '.join(u for u in units if u)}), like {example}; found {found}")
    return number * units[unit]


def duration_s(value: object) -> float:
    """`250ms`, `10s`, `2m`, `1h` -> seconds."""
    return _scaled(value, _TIME, "a duration", "10s")


def rate_msgs_s(value: object) -> float:
    """`500/s`, `5k/s`, `1.2M/s` -> messages per second, in total over all producers."""
    number, unit = _split(value, "a rate", "5k/s")
    scale, slash, per = unit.partition("/")
    if slash != "/" or per != "s" or scale not in _SCALE:
        raise ValueError(f"a rate is messages per second, like 5k/s; found {value!r}")
    return number * _SCALE[scale]


def size_bytes(value: object) -> int:
    """`100B`, `1KiB`, `4kB`, `1MiB` -> bytes."""
    return round(_scaled(value, dict(_SIZE), "a size", "1KiB"))


def count(value: object) -> int:
    """`8`, `10k`, `1M` -> a whole number."""
    number, unit = _split(value, "a count", "10k")
    if unit not in _SCALE or number * _SCALE[unit] % 1:
        raise ValueError(f"a count is a whole number, like 8 or 10k; found {value!r}")
    return int(number * _SCALE[unit])


def share(value: object) -> float:
    """`5%`, `2.5%` -> a share of one."""
    number, unit = _split(value, "a share", "5%")
    if unit != "%":
        raise ValueError(f"a share is a percentage, like 5%; found {value!r}")
    return number / 100


def format_duration(seconds: float) -> str:
    """Seconds as a person says them: `5 ms`, `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`."""
    if 0 < seconds < 0.1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 10:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def format_size(size: float) -> str:
    """Whole binary units where they fit: `1 KiB`, `1,000 B`."""
    for unit, scale in (("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale and size % scale == 0:
            return f"{size / scale:,.0f} {unit}"
    return f"{size:,.0f} B"


def unless_base(parse: Callable[[object], float]) -> BeforeValidator:
    def check(value: object, info: ValidationInfo) -> object:
        already = info.context == BASE_UNITS and isinstance(value, (int, float)) and not isinstance(value, bool)
        return value if already else parse(value)

    check.__name__ = parse.__name__  # tells the kind of unit to who reads the annotation
    return BeforeValidator(check)


# Ranges keep a typing slip (1e309, -5, 10 h for 10 s) from becoming a plan; each is printed in the error.
Duration = Annotated[float, unless_base(duration_s), Field(ge=0, le=7 * 24 * 3600)]
Rate = Annotated[float, unless_base(rate_msgs_s), Field(ge=0.1, le=1e8)]
Size = Annotated[int, unless_base(size_bytes), Field(ge=STAMP_BYTES, le=LARGEST_BYTES)]
Count = Annotated[int, unless_base(count), Field(ge=1)]
Share = Annotated[float, unless_base(share), Field(gt=0, lt=1)]
