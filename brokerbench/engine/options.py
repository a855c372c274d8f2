"""What the caller of a run adds to its plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Observer", "RunOptions"]

Observer = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a run cannot know by itself; the statistics of the looks are analysis' own."""

    results: Path
    references: Mapping[str, str]  # each driver's object for the children: "module:DRIVER"
    redacted: Mapping[str, Any]  # the scenario as run.json shows it
    source_text: str
    observe: Observer
    stop_asked: Callable[[], bool]
    after_trial: Callable[[Path], object]  # gets the folder after every trial
    hide: Callable[[Any], Any] = lambda value: value  # takes secrets out of whatever else is written
    undecided: Callable[[Path], bool] = lambda folder: True  # at the first look: are more blocks worth their time?
    look_levels: Callable[[int, int], tuple[float | None, float | None]] = lambda first, second: (None, None)
    allow_busy: bool = False  # an external server may be in use by others
    probes: bool = True  # whose limit a saturating load met is looked for with one more worker
    cache: Path | None = None  # where the clients' ceilings are kept; None: they are not measured
