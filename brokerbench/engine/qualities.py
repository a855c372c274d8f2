"""What a driver's qualities.yaml files say of a candidate's set-up. docs/qualities.md has their form."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from brokerbench.contract import Described, Driver, Feature
from brokerbench.model import Answer, Line, Need, answer_to

__all__ = ["answers", "of_set_up", "read_qualities"]


def of_set_up(driver: Driver, settings: Mapping[str, Any], *, external: bool = False) -> tuple[Line, ...]:
    """The lines that are about it, or may be; none of a driver that brings no file. `external`: given by its url."""
    files = driver.qualities if isinstance(driver, Described) else ()
    lines = (line for path in files for line in read_qualities(path))
    return tuple(line for line in lines if line.under(settings) is not False and not (external and line.ours))


def answers(
    needs: tuple[Need, ...], driver: Driver, settings: Any, lines: tuple[Line, ...], version: str | None
) -> tuple[Answer, ...]:
    given = driver.features(settings)
    declared = {feature.value: feature in given for feature in Feature}
    plain = settings.model_dump(mode="json")
    return tuple(answer_to(need, lines, plain, declared, version) for need in needs)


@cache
def read_qualities(path: Path) -> tuple[Line, ...]:
    """Raises ValueError that names the file, and the need of a line that is not in order."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        file = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        entries = [(about, each) for about, lines in file["lines"].items() for each in lines]
        return tuple(_line(about, each, file) for about, each in entries)
    except (AttributeError, KeyError, TypeError, ValueError, YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error


def _line(about: str, entry: Mapping[str, Any], file: Mapping[str, Any]) -> Line:
    """The file's own `when` and `ours` hold for all its lines."""
    when = {name: _words(allowed) for name, allowed in {**file.get("when", {}), **entry.get("when", {})}.items()}
    answer = entry.get("answer")
    given = tuple(str(each) for each in answer) if isinstance(answer, list) else answer
    return Line.model_validate(
        {"ours": file.get("ours", False), **entry, "about": about, "when": when, "answer": given}
    )


def _words(allowed: Any) -> tuple[str, ...]:
    """As settings are compared: text, with true and false in small letters."""
    each = allowed if isinstance(allowed, list) else [allowed]
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in each)
