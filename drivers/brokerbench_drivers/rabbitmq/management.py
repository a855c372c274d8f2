"""RabbitMQ's management API over HTTP: facts, policies and the broker's own counters. Standard library only."""

import base64
import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from brokerbench.contract import BadTarget
from brokerbench_drivers._tls import context

from .address import nodes_of

__all__ = ["Management"]

TIMEOUT_S = 15.0  # a node that is short of CPU answers late, not never


class Management:
    """Of a cluster, the first node that answers."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        self._nodes = [(str(node["host"]), int(node["management_port"])) for node in nodes_of(address)]
        self._tls = context(address.get("tls") or {}) if address.get("management_tls") else None
        token = base64.b64encode(f"{address['user']}:{address['password']}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._vhost = quote(address["vhost"], safe="")
        self._user: str = address["user"]

    def overview(self) -> Mapping[str, Any]:
        """Raises BadTarget where the API cannot be used."""
        return self._found("/api/overview")

    def node(self, name: str) -> Mapping[str, Any]:
        return self._found(f"/api/nodes/{quote(name, safe='')}")

    def nodes(self) -> Sequence[Mapping[str, Any]]:
        return self._list("/api/nodes")

    def connections(self) -> Sequence[Mapping[str, Any]]:
        return self._list("/api/connections")

    def policies(self) -> Sequence[Mapping[str, Any]]:
        return self._list(f"/api/policies/{self._vhost}")

    def set_policy(self, name: str, policy: Mapping[str, Any]) -> None:
        self._ask("PUT", f"/api/policies/{self._vhost}/{quote(name, safe='')}", json.dumps(policy).encode())

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

    def _list(self, path: str) -> Sequence[Mapping[str, Any]]:
        body = self._ask("GET", path)
        found: Sequence[Mapping[str, Any]] = json.loads(body) if body is not None else []
        return found

    def _get(self, path: str) -> Mapping[str, Any] | None:
        body = self._ask("GET", path)
        if body is None:
            return None
        found: Mapping[str, Any] = json.loads(body)
        return found

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes | None:
        """The answer's body; None where there is no such thing."""
        status, reason, answer = self._reached(method, path, body)
        if status == http.HTTPStatus.NOT_FOUND:
            return None
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise BadTarget(f"{self._here()} refused user {self._user!r}: {status} {reason} for {path}")
        return answer

    def _reached(self, method: str, path: str, body: bytes | None) -> tuple[int, str, bytes]:
        why: Exception | None = None
        unreachable = self._here()
        for _ in tuple(self._nodes):
            connection = self._connection()
            try:
                connection.request(method, path, body, self._headers)
                answer = connection.getresponse()
                return answer.status, answer.reason, answer.read()
            except ssl.SSLCertVerificationError as error:
                raise BadTarget(f"{self._here()}, certificate refused: {error.verify_message}") from error
            except (OSError, http.client.HTTPException) as error:
                why = error
                self._nodes.append(self._nodes.pop(0))  # the next one is asked from now on
            finally:
                connection.close()
        raise BadTarget(
            f"{unreachable} does not answer ({why}): enable it with `rabbitmq-plugins enable"
            " rabbitmq_management`, or give its port as ?management_port= in the url"
        ) from why

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._nodes[0]
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._tls)

    def _here(self) -> str:
        host, port = self._nodes[0]
        return f"RabbitMQ's management API at {host}:{port}"
