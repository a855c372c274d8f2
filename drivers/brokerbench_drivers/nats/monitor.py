"""The server's monitoring pages: JSON over HTTP."""

import json
import urllib.request
from typing import Any

__all__ = ["MonitorError", "read"]

# A proxy from the environment must not come between us and our own server.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class MonitorError(Exception):
    """The page could not be read: why, in one line."""


def read(monitor: str, page: str, timeout_s: float = 15.0) -> dict[str, Any]:
    """`read("http://127.0.0.1:8222", "/varz")`. Raises MonitorError."""
    try:
        with _opener.open(monitor + page, timeout=timeout_s) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, ValueError) as error:
        raise MonitorError(f"cannot read {monitor}{page}: {error}") from error
