"""A Study in, one file out: the page, Markdown, CSV, JSON.

A report is a pure function: it reads no clock, starts nothing, and needs no broker.
"""

from .formats import FORMATS, render

__all__ = ["FORMATS", "render"]
