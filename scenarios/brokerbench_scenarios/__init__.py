"""Scenario files: read, checked with line and column, shortened, described to editors. Nothing here opens a socket."""

from .gate import read_gate
from .problems import Place, Problem, ScenarioError, Source
from .reading import decode, read, secrets
from .redact import redacted, without_secrets
from .schema import schema
from .shipped import shipped_names, shipped_text
from .shorten import shorten
from .slo import METRICS

__all__ = [
    "METRICS",
    "Place",
    "Problem",
    "ScenarioError",
    "Source",
    "decode",
    "read",
    "read_gate",
    "redacted",
    "schema",
    "secrets",
    "shipped_names",
    "shipped_text",
    "shorten",
    "without_secrets",
]
