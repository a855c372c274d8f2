"""How large messages are: all the same, or spread in one of the ways that real ones are."""

import math
from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

from .frozen import Frozen
from .units import LARGEST_BYTES, STAMP_BYTES, Share, Size, format_size, size_bytes

__all__ = ["LOGNORMAL_CUT", "Lognormal", "SizeRange", "Sizes"]

LOGNORMAL_CUT = 0.9999  # its tail has no end: one message in 10,000 would be larger, and is cut to this quantile
_KINDS = ("fixed", "uniform", "lognormal", "histogram", "trace")
_NORMAL = NormalDist()
_SIZE: TypeAdapter[int] = TypeAdapter(Size)
_ROUNDING = 1e-6


class SizeRange(Frozen):
    from_bytes: Size = Field(alias="from", description="the smallest")
    to_bytes: Size = Field(alias="to", description="the largest")

    @model_validator(mode="after")
    def _from_less_to_more(self) -> "SizeRange":
        if self.from_bytes >= self.to_bytes:
            raise ValueError("uniform goes from less to more, like {from: 100B, to: 2KiB}")
        return self


class Lognormal(Frozen):
    """Most are small, few are much larger: as documents, pages and orders are."""

    median_bytes: Size = Field(alias="median", description="half of the messages are smaller")
    p99_bytes: Size = Field(alias="p99", description="one in a hundred is larger")

    @model_validator(mode="after")
    def _spreads(self) -> "Lognormal":
        if self.median_bytes >= self.p99_bytes:
            raise ValueError("of a lognormal, p99 is more than the median, like {median: 1KiB, p99: 16KiB}")
        if (most := self.quantile(LOGNORMAL_CUT)) > LARGEST_BYTES:
            raise ValueError(
                f"its largest messages would have {format_size(round(most))} (p99.99); allowed: up to"
                f" {format_size(LARGEST_BYTES)}"
            )
        return self

    @property
    def sigma(self) -> float:
        return math.log(self.p99_bytes / self.median_bytes) / _NORMAL.inv_cdf(0.99)

    def quantile(self, below: float) -> float:
        """The size that so large a share of messages is below, before any cut."""
        return self.median_bytes * math.exp(self.sigma * _NORMAL.inv_cdf(below))

    @property
    def mean_bytes(self) -> float:
        """Of the messages below the cut (a truncated lognormal's mean)."""
        z, sigma = _NORMAL.inv_cdf(LOGNORMAL_CUT), self.sigma
        return self.median_bytes * math.exp(sigma**2 / 2) * _NORMAL.cdf(z - sigma) / LOGNORMAL_CUT


class Sizes(Frozen):
    """`1KiB`, or `{uniform: {from: 100B, to: 2KiB}}`, `{lognormal: {median: 1KiB, p99: 16KiB}}`,
    `{histogram: {100B: 70%, 10KiB: 30%}}`, or `{trace: size}`: the column of the trace that is replayed."""

    shorthand = "fixed"

    fixed_bytes: Size | None = Field(default=None, alias="fixed", description="all the same")
    uniform: SizeRange | None = Field(default=None, description="each size in this range is as likely as any other")
    lognormal: Lognormal | None = None
    histogram: Annotated[Mapping[str, Share], Field(min_length=2)] | None = Field(
        default=None, description="sizes and their shares of the messages, 100% together"
    )
    trace: Literal["size"] | None = Field(default=None, description="the column of the trace that is replayed")

    @model_validator(mode="before")
    @classmethod
    def _of_one_value(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"fixed": value}

    @model_validator(mode="after")
    def _one_kind(self) -> "Sizes":
        given = [kind for kind, each in zip(_KINDS, self._each, strict=True) if each is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"a size is one of {', '.join(_KINDS)}; found {found}")
        if self.histogram is not None:
            self._whole_histogram(self.histogram)
        return self

    def _whole_histogram(self, histogram: Mapping[str, float]) -> None:
        for name in histogram:
            try:
                _SIZE.validate_python(name)
            except ValidationError as error:
                cause = error.errors()[0].get("ctx", {}).get("error")
                allowed = f"allowed: {format_size(STAMP_BYTES)} to {format_size(LARGEST_BYTES)}"
                raise ValueError(str(cause) if cause else f"{name} is no size of a message; {allowed}") from None
        total = sum(histogram.values())
        if abs(total - 1) > _ROUNDING:
            raise ValueError(f"the shares of a histogram are 100% together; found {100 * total:g}%")

    @model_serializer(mode="wrap")
    def _as_its_kind(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if value is not None}

    @property
    def _each(self) -> tuple[Any, ...]:
        return self.fixed_bytes, self.uniform, self.lognormal, self.histogram, self.trace

    def bins(self) -> Iterator[tuple[int, float]]:
        """Of a histogram: bytes and share."""
        for name, part in (self.histogram or {}).items():
            yield size_bytes(name), part

    @property
    def largest_bytes(self) -> int | None:
        """None: a trace knows."""
        if self.uniform is not None:
            return self.uniform.to_bytes
        if self.lognormal is not None:
            return round(self.lognormal.quantile(LOGNORMAL_CUT))
        return max(size for size, _ in self.bins()) if self.histogram else self.fixed_bytes

    @property
    def mean_bytes(self) -> float | None:
        """None: a trace knows."""
        if self.uniform is not None:
            return (self.uniform.from_bytes + self.uniform.to_bytes) / 2
        if self.lognormal is not None:
            return self.lognormal.mean_bytes
        return sum(size * part for size, part in self.bins()) if self.histogram else self.fixed_bytes

    @property
    def text(self) -> str:
        """`1 KiB`, `100 B to 2 KiB`, `lognormal, median 1 KiB, p99 16 KiB`."""
        if self.fixed_bytes is not None:
            return format_size(self.fixed_bytes)
        if self.uniform is not None:
            return f"{format_size(self.uniform.from_bytes)} to {format_size(self.uniform.to_bytes)}"
        if self.lognormal is not None:
            median, p99 = self.lognormal.median_bytes, self.lognormal.p99_bytes
            return f"lognormal, median {format_size(median)}, p99 {format_size(p99)}"
        if self.trace is not None:
            return "sizes of the trace"
        return ", ".join(f"{100 * part:g} % of {format_size(size)}" for size, part in sorted(self.bins()))
