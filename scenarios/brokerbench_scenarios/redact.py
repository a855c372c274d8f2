"""A scenario as run.json keeps it: checked, units in the names, secrets gone."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench.model import Scenario

__all__ = ["redacted", "without_secrets"]

HIDDEN = "***"
_SECRET_KEY = re.compile(r"passw|secret|token|credential|private_key|api_?key", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*://[^/\s:@]*:)(?:(?!,[a-z]+://)\S)*(?=@)", re.IGNORECASE)


def redacted(scenario: Scenario, secrets: Sequence[str] = ()) -> dict[str, Any]:
    """Plain JSON values. `secrets`: what `${NAME}` held, hidden wherever it stands."""
    plain: dict[str, Any] = without_secrets(scenario.model_dump(mode="json"), secrets)
    return plain


def without_secrets(value: Any, secrets: Sequence[str] = ()) -> Any:
    """The same with passwords in urls, values of keys that are called like secrets, and `secrets` as `***`."""
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if _SECRET_KEY.search(str(key)) and isinstance(each, str) else without_secrets(each, secrets)
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_secrets(each, secrets) for each in value]
    if not isinstance(value, str):
        return value
    for secret in secrets:
        value = value.replace(secret, HIDDEN)
    return _URL_PASSWORD.sub(rf"\g<1>{HIDDEN}", value)
