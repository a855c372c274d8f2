"""A Study in, files out: the page, Markdown, CSV, JSON, JUnit, parquet, logs for the tools of others.

A report is a pure function: it reads no clock, starts nothing, and needs no broker.
"""

from .formats import FORMATS, files, render
from .refusal import NotExportable

__all__ = ["FORMATS", "NotExportable", "files", "render"]
