"""What all models of files and settings are."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from .units import BASE_UNITS

__all__ = ["Frozen"]


class Frozen(BaseModel):
    """Immutable, unknown keys refused. Drivers' Settings derive from it too."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=True)
    shorthand: ClassVar[str] = ""  # a table that may be written as one value: the key that the value is for

    @classmethod
    def from_base(cls, values: Mapping[str, Any]) -> Self:
        """From a dump: attribute names, numbers in base units (`Broker.settings`, `Promise.settings`)."""
        return cls.model_validate(values, context=BASE_UNITS)
