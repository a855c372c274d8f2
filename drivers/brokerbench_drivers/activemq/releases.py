"""When an ActiveMQ version was released. A version not listed has no `released` fact."""

from collections.abc import Mapping

__all__ = ["RELEASED", "SUPPORT_ENDS"]

RELEASED: Mapping[str, str] = {}
SUPPORT_ENDS: Mapping[str, str] = {}
