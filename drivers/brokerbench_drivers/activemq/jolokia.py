"""Jolokia, the brokers' own management over HTTP: JMX attributes and operations as JSON. Standard library only."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from brokerbench.contract import BadTarget
from brokerbench_drivers._tls import context

__all__ = ["Jolokia", "Refused"]

_TIMEOUT_S = 15.0  # a broker that is short of CPU answers late, not never
_REFUSED = (401, 403)


class Refused(Exception):
    """The broker did not do what was asked of it: its own words, one line."""


class Jolokia:
    """Raises BadTarget where it cannot be used."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        if "jolokia" not in address:
            raise BadTarget(
                "ActiveMQ's queues are made, counted and removed through Jolokia, its management over HTTP:"
                " give ?jolokia=http://host:8161/console/jolokia (Artemis) or /api/jolokia (Classic) in the url"
            )
        self._url = str(address["jolokia"]).rstrip("/") + "/"
        parts = urlsplit(self._url)
        # Both products answer only who comes from a place they know: their own is one.
        self._headers = {"Content-Type": "application/json", "Origin": f"{parts.scheme}://{parts.hostname}"}
        if "user" in address:
            self._user = str(address["user"])
            token = base64.b64encode(f"{self._user}:{address['password']}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"
        else:
            self._user = ""
        # A proxy from the environment must not come between us and the broker.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if parts.scheme == "https":
            handlers.append(urllib.request.HTTPSHandler(context=context(address.get("tls") or {})))
        self._opener = urllib.request.build_opener(*handlers)

    def search(self, pattern: str) -> list[str]:
        """The names that there are."""
        return list(self._ask({"type": "search", "mbean": pattern}) or ())

    def read(self, mbean: str, *attributes: str) -> Mapping[str, Any] | None:
        """These attributes, or all; None: there is no such thing. A pattern gives what matches by name."""
        question = {"type": "read", "mbean": mbean} | ({"attribute": attributes} if attributes else {})
        found: Mapping[str, Any] | None = self._ask(question)
        return found

    def call(self, mbean: str, operation: str, *arguments: Any) -> Any:
        """Raises Refused."""
        return self._ask({"type": "exec", "mbean": mbean, "operation": operation, "arguments": arguments})

    def _ask(self, question: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(self._url, json.dumps(question).encode(), self._headers)
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code in _REFUSED:
                raise BadTarget(f"Jolokia at {self._url} refused user {self._user!r}: {error.code}") from error
            raise BadTarget(f"no Jolokia answers at {self._url}: {error.code} {error.reason}") from error
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise BadTarget(f"no Jolokia answers at {self._url}: {why}; is the address right?") from error
        status = found.get("status")
        if status in _REFUSED:
            raise BadTarget(f"Jolokia at {self._url} refused user {self._user!r}: {_line(found)}")
        if status == 404 and question["type"] == "read":
            return None
        if status != 200:
            raise Refused(_line(found))
        return found["value"]


def _line(found: Mapping[str, Any]) -> str:
    lines = str(found.get("error", "it gives no reason")).splitlines() or [""]
    return lines[0]
