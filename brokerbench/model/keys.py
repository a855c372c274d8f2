"""Which key a message has: all alike, a few that are frequent, one that is hot, or those of a trace."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .frozen import Frozen
from .units import Count, Share

__all__ = ["Keys"]


class Keys(Frozen):
    """`{cardinality: 10k}`: each of so many keys is as likely as any other; `zipf`: the k-th is as frequent as
    1 / k^zipf; `hot`: one of them has this share; `{trace: key}`: the column of the trace that is replayed."""

    cardinality: Annotated[Count, Field(le=1_000_000)] | None = Field(default=None, description="distinct keys")
    zipf: Annotated[float, Field(ge=0.1, le=10)] | None = Field(default=None, description="the exponent, like 1.1")
    hot: Share | None = Field(default=None, description="the share of one key; the others are alike")
    trace: Literal["key"] | None = Field(default=None, description="the column of the trace that is replayed")

    @model_validator(mode="after")
    def _one_kind(self) -> "Keys":
        if self.trace is not None:
            if (self.cardinality, self.zipf, self.hot) != (None, None, None):
                raise ValueError("keys of a trace are what they are: leave cardinality, zipf and hot out")
        elif self.cardinality is None:
            raise ValueError("keys need a cardinality, like {cardinality: 10k}, or {trace: key}")
        elif self.zipf is not None and self.hot is not None:
            raise ValueError("keys are uneven by zipf or by hot, not by both")
        elif self.hot is not None and self.cardinality < 2:
            raise ValueError("a hot key needs others beside it: use a cardinality of 2 or more")
        return self

    @model_serializer(mode="wrap")
    def _as_its_kind(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if value is not None}

    @property
    def text(self) -> str:
        """`10,000 keys`, `10,000 keys (zipf 1.1)`, `10,000 keys, one of them in 20 % of messages`."""
        if self.trace is not None:
            return "keys of the trace"
        how = f" (zipf {self.zipf:g})" if self.zipf is not None else ""
        how = f", one of them in {100 * self.hot:g} % of messages" if self.hot is not None else how
        return f"{self.cardinality:,} key{'' if self.cardinality == 1 else 's'}{how}"
