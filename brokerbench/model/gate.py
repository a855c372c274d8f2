"""What a later run must not do against an earlier one."""

from typing import Literal

from .frozen import Frozen

__all__ = ["Gate"]


class Gate(Frozen):
    """It fails where `metric` of the later run is `op` `value`: a change against the earlier run, as a share (0.1 for
    `+10%`), where `relative`, else a figure of the later run in the metric's unit."""

    metric: str
    op: Literal["<", "<=", ">", ">="]
    value: float
    relative: bool
    text: str
