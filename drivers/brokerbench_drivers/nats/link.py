"""One nats-py connection on a loop thread of its own, for the engine's synchronous calls."""

from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import nats
from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError

from brokerbench.contract import BadTarget, ConnectionLost, Event
from brokerbench_drivers._loop import LoopThread
from brokerbench_drivers._losing import Losable
from brokerbench_drivers._tls import context

__all__ = ["CONNECT_S", "FLUSH_S", "Link"]

CONNECT_S = 15.0  # a server that is short of CPU answers late, not never
FLUSH_S = 5.0
_FAILURES = (OSError, NatsError, TimeoutError)

T = TypeVar("T")


class Link(Losable):
    """`client` is used on the loop only. It does not reconnect: what a loss means is the engine's to judge."""

    def __init__(self, address: Mapping[str, Any], name: str) -> None:
        super().__init__()
        scheme = "tls" if address.get("tls") else "nats"
        nodes = address.get("nodes") or [address]
        self._servers = [f"{scheme}://{node['host']}:{node['port']}" for node in nodes]
        self._where = self._servers[0]
        self._last_error: Exception | None = None
        self._dropped = 0
        self.thread = LoopThread(name)
        try:
            self.client: Any = self.thread.run(self._connect(address, name), CONNECT_S + 2)
        except _FAILURES as error:
            self.thread.close()
            why = self._last_error or error
            raise BadTarget(f"no NATS server can be used at {self._where}: {why or type(why).__name__}") from error

    async def _connect(self, address: Mapping[str, Any], name: str) -> Any:
        return await nats.connect(
            self._servers,
            dont_randomize=True,
            tls=context(address["tls"]) if address.get("tls") else None,
            user=address.get("user"),
            password=address.get("password"),
            name=name,
            allow_reconnect=False,
            max_reconnect_attempts=1,  # 0 would mean for ever, for the first connection too
            reconnect_time_wait=0,
            connect_timeout=CONNECT_S,
            ping_interval=20,
            skip_subject_validation=True,  # the subjects are ours
            error_cb=self._on_error,
            closed_cb=self._on_closed,
        )

    def lose(self, error: Exception) -> None:
        """On the loop: by nats-py when the connection is gone, by a Pump whose publishing failed."""
        self._lose(f"nats connection to {self._where} is gone: {error or type(error).__name__}")

    async def _on_error(self, error: Exception) -> None:
        if isinstance(error, SlowConsumerError):
            self._dropped += 1
        else:
            self._last_error = error

    async def _on_closed(self) -> None:
        self.lose(self._last_error or ConnectionError("closed by the server"))

    def wait(self, work: Coroutine[Any, Any, T], timeout_s: float = CONNECT_S) -> T:
        """Raises ConnectionLost where the server does not answer."""
        try:
            return self.thread.run(work, timeout_s)
        except _FAILURES as error:
            raise ConnectionLost(f"nats at {self._where} does not answer: {error or type(error).__name__}") from error

    async def round_trip(self, timeout_s: float) -> None:
        """On the loop: the server has taken all that was given to nats-py before."""
        # nats-py writes a PING ahead of what it still holds, so only a second one follows that.
        await self.client.flush(timeout=timeout_s)
        await self.client.flush(timeout=timeout_s)

    def attempt(self, work: Coroutine[Any, Any, object]) -> None:
        """Parting words, for a bounded time. What they do not bring across was never promised."""
        with suppress(*_FAILURES):
            self.thread.run(work, FLUSH_S)

    def take_events(self) -> list[Event]:
        taken = super().take_events()
        dropped, self._dropped = self._dropped, 0
        if dropped:
            taken.append(Event("slow-consumer", f"nats-py dropped {dropped} messages: its pending limits were reached"))
        return taken

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if not self.client.is_closed:
                self.attempt(self.client.close())  # writes what it still holds
            self.thread.close()
