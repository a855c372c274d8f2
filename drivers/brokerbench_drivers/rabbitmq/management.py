"""RabbitMQ's management API over HTTP: facts and the broker's own counters. Standard library only."""

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from brokerbench.contract import BadTarget

__all__ = ["Management"]

TIMEOUT_S = 10.0


class Management:
    def __init__(self, address: Mapping[str, Any]) -> None:
        self._host: str = address["host"]
        self._port: int = address["management_port"]
        token = base64.b64encode(f"{address['user']}:{address['password']}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._vhost = quote(address["vhost"], safe="")
        self._user: str = address["user"]

    def overview(self) -> Mapping[str, Any]:
        """Raises BadTarget where the API cannot be used."""
        return self._found("/api/overview")

    def node(self, name: str) -> Mapping[str, Any]:
        return self._found(f"/api/nodes/{quote(name, safe='')}")

    def queue(self, name: str) -> Mapping[str, Any] | None:
        """None: there is no such queue."""
        return self._get(f"/api/queues/{self._vhost}/{quote(name, safe='')}")

    def exchange(self, name: str) -> Mapping[str, Any] | None:
        return self._get(f"/api/exchanges/{self._vhost}/{quote(name, safe='')}")

    def _found(self, path: str) -> Mapping[str, Any]:
        found = self._get(path)
        if found is None:
            raise BadTarget(f"{self._here()} has no {path}: is this RabbitMQ's management plugin?")
        return found

    def _get(self, path: str) -> Mapping[str, Any] | None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", path, headers=self._headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise BadTarget(
                f"{self._here()} does not answer ({error}): enable it with `rabbitmq-plugins enable"
                " rabbitmq_management`, or give its port as ?management_port= in the url"
            ) from error
        finally:
            connection.close()
        if answer.status == http.HTTPStatus.NOT_FOUND:
            return None
        if answer.status != http.HTTPStatus.OK:
            raise BadTarget(f"{self._here()} refused user {self._user!r}: {answer.status} {answer.reason} for {path}")
        found: Mapping[str, Any] = json.loads(body)
        return found

    def _here(self) -> str:
        return f"RabbitMQ's management API at {self._host}:{self._port}"
