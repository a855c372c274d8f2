"""A Study in, one file out: the page, Markdown, CSV, JSON, JUnit.

A report is a pure function: it reads no clock, starts nothing, and needs no broker.
"""

from .formats import FORMATS, SUFFIXES, render

__all__ = ["FORMATS", "SUFFIXES", "render"]
