"""The page's sections: a Study -> plain values that the templates and Markdown print."""

from .cells import Cell, Column, Record, Who
from .page import SECTIONS, Page, Section, page

__all__ = ["SECTIONS", "Cell", "Column", "Page", "Record", "Section", "Who", "page"]
