"""How long a user of a closed load thinks, before the next request."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from .frozen import Frozen
from .units import Duration, format_duration

__all__ = ["Think", "Uniform"]

_KINDS = ("fixed", "uniform", "exponential")
Mean = Annotated[Duration, Field(gt=0)]


class Uniform(Frozen):
    from_s: Duration = Field(alias="from", description="the shortest")
    to_s: Mean = Field(alias="to", description="the longest")

    @model_validator(mode="after")
    def _from_less_to_more(self) -> "Uniform":
        if self.from_s >= self.to_s:
            raise ValueError("uniform goes from less to more, like {from: 500ms, to: 2s}")
        return self


class Think(Frozen):
    """From an answer to the user's next request: `1s`, `{uniform: {from: 500ms, to: 2s}}` or `{exponential: 1s}`."""

    shorthand = "fixed"
    what: ClassVar[str] = "a think time"

    fixed_s: Duration | None = Field(default=None, alias="fixed", description="always so long")
    uniform: Uniform | None = Field(default=None, description="each time in this range is as likely as any other")
    exponential_s: Mean | None = Field(default=None, alias="exponential", description="on average so long")

    @model_validator(mode="before")
    @classmethod
    def _of_one_value(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"fixed": value}

    @model_validator(mode="after")
    def _one_kind(self) -> "Think":
        given = [kind for kind, each in zip(_KINDS, self._each, strict=True) if each is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"{self.what} is one of {', '.join(_KINDS)}; found {found}")
        return self

    @property
    def _each(self) -> tuple[float | Uniform | None, ...]:
        return self.fixed_s, self.uniform, self.exponential_s

    @property
    def mean_s(self) -> float:
        if self.uniform is not None:
            return (self.uniform.from_s + self.uniform.to_s) / 2
        return self.fixed_s or self.exponential_s or 0.0

    @property
    def text(self) -> str:
        """`1 s`, `0.5 s to 2 s` or `exponential, 1 s on average`."""
        if self.uniform is not None:
            return f"{format_duration(self.uniform.from_s)} to {format_duration(self.uniform.to_s)}"
        mean = format_duration(self.mean_s)
        return mean if self.exponential_s is None else f"exponential, {mean} on average"
