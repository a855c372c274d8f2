"""Charts: plain values in, one inline SVG out."""

from .against_load import LoadLine, against_load
from .percentiles import Curve, percentiles
from .primary import Row, primary
from .timeline import Line, Strip, timeline

__all__ = ["Curve", "Line", "LoadLine", "Row", "Strip", "against_load", "percentiles", "primary", "timeline"]
