"""One rstream connection on a loop thread of its own, for the engine's synchronous calls.

`Client` is the layer below rstream's Producer and Consumer, which connect again by themselves, and call back for each
single message.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from rstream import connection, schema
from rstream.client import Client
from rstream.exceptions import ClientError, ServerError

from brokerbench.contract import BadTarget
from brokerbench_drivers._loop import LoopThread
from brokerbench_drivers._losing import Losable
from brokerbench_drivers._tls import context, refused

from .link import OURS
from .told import told

__all__ = ["FLUSH_S", "FRAME_MAX", "RstreamLink"]

OPEN_S = 15.0  # a node that has just started answers slowly, not never
FLUSH_S = 5.0
FRAME_MAX = 2**20
HEARTBEAT_S = 60
PORT, TLS_PORT = 5552, 5551
_FAILURES = (OSError, ServerError, ClientError, TimeoutError, AssertionError)

connection.CONNECT_TIMEOUT = OPEN_S  # the library's 3 s are few for a TLS handshake with a node that is short of CPU

T = TypeVar("T")


class RstreamLink(Losable):
    """`client` is used on the loop only. Raises BadTarget where the connection cannot be opened."""

    def __init__(self, address: Mapping[str, Any], name: str, stream: str, *, to_leader: bool) -> None:
        super().__init__()
        logging.getLogger("rstream").setLevel(logging.CRITICAL)  # what it reports of a lost connection, we raise
        port = address.get("stream_port") or (TLS_PORT if address.get("tls") else PORT)
        self._address = address
        self._tls = context(address["tls"]) if address.get("tls") else None
        self._where = f"RabbitMQ's stream protocol at {address['host']}:{port}"
        self.thread = LoopThread(name)
        try:
            self.client: Client = self.thread.run(self._open(port, name, stream, to_leader), OPEN_S)
        except _FAILURES as error:
            self.thread.close()
            why = refused(told(error), address.get("tls"), silent=isinstance(error, TimeoutError))
            raise BadTarget(
                f"{self._where} as {address['user']!r} on vhost {address['vhost']!r}: {why};"
                " it needs `rabbitmq-plugins enable rabbitmq_stream`, and its port as ?stream_port= in the url"
            ) from error

    async def _open(self, port: int, name: str, stream: str, to_leader: bool) -> Client:
        client = await self._connect(self._address["host"], port, name)
        if to_leader and len(self._address.get("nodes") or ()) > 1:
            leader, _ = await client.query_leader_and_replicas(stream)
            await _closed(client)
            client = await self._connect(leader.host, leader.port, name)
        client._tasks["listener"].add_done_callback(self._on_ended)
        client.add_handler(schema.MetadataUpdate, self._on_moved)
        return client

    async def _connect(self, host: str, port: int, name: str) -> Client:
        client = Client(
            host,
            port,
            ssl_context=self._tls,
            frame_max=FRAME_MAX,
            heartbeat=HEARTBEAT_S,
            connection_name=f"{OURS} {name}",
        )
        try:
            await client.start()
            await client.authenticate(self._address["vhost"], self._address["user"], self._address["password"])
        except BaseException:
            await _closed(client)
            raise
        return client

    def lose(self, error: Exception) -> None:
        """On the loop."""
        self._lose(f"{self._where}: {told(error)}")

    def _on_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        self.lose(error if isinstance(error, Exception) else ConnectionError("the connection has ended"))

    def _on_moved(self, frame: Any) -> None:
        self.lose(ConnectionError(f"the stream {frame.metadata_info.stream} has moved or is gone"))

    def ask(self, request: Coroutine[Any, Any, T], what: str) -> T:
        """Raises BadTarget with the broker's word."""
        try:
            return self.thread.run(request, OPEN_S)
        except _FAILURES as error:
            raise BadTarget(f"{self._where}, asked for {what}: {told(error)}") from error

    def attempt(self, work: Coroutine[Any, Any, object]) -> None:
        """Parting words, for a bounded time."""
        with suppress(*_FAILURES):
            self.thread.run(work, FLUSH_S)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.attempt(_closed(self.client))
            self.thread.close()


async def _closed(client: Client) -> None:
    connection = client._conn
    try:
        await client.close()
    finally:
        if connection is not None and connection._writer is not None:  # which it leaves open once it is broken
            connection._writer.close()
