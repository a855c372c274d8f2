"""The page's sections: a Study -> plain values that the templates and Markdown print."""

from .cells import Cell, Column, Record, Who
from .page import Page, page

__all__ = ["Cell", "Column", "Page", "Record", "Who", "page"]
