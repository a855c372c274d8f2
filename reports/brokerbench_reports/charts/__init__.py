"""Charts: plain values in, one inline SVG out."""

from .percentiles import Curve, percentiles
from .primary import Row, primary
from .timeline import Line, Strip, timeline

__all__ = ["Curve", "Line", "Row", "Strip", "percentiles", "primary", "timeline"]
