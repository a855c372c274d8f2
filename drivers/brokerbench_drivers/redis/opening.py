"""One connection opened by redis-py: address, user, TLS and name are its work; what goes over it then is not."""

import ssl
from collections.abc import Mapping
from typing import Any

from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.exceptions import RedisError
from redis.retry import Retry

from brokerbench.contract import BadTarget
from brokerbench_drivers._tls import context

from .address import where
from .names import client_name

__all__ = ["ANSWER_S", "open_connection"]

ANSWER_S = 15.0  # a broker that is short of CPU answers late, not never


class _TlsConnection(Connection):
    """redis-py's own makes a context of its own, which need not verify the host name."""

    def __init__(self, tls: Mapping[str, str | None], **others: Any) -> None:
        super().__init__(**others)  # type: ignore[no-untyped-call]
        self._context = context(tls)

    def _connect(self) -> Any:
        plain = super()._connect()  # type: ignore[no-untyped-call]
        return self._context.wrap_socket(plain, server_hostname=self.host)


def open_connection(address: Mapping[str, Any], name: str) -> Any:
    """Connected and logged in; the server has answered. Raises BadTarget."""
    others: dict[str, Any] = {
        "host": address["host"],
        "port": address["port"],
        "db": address.get("db", 0),
        "username": address.get("user"),
        "password": address.get("password"),
        "client_name": client_name(name),
        "protocol": 2,
        "socket_timeout": ANSWER_S,
        "socket_connect_timeout": ANSWER_S,
        "retry": Retry(NoBackoff(), 0),
    }
    tls = address.get("tls")
    made: Any = _TlsConnection(tls, **others) if tls else Connection(**others)  # type: ignore[no-untyped-call]
    try:
        made.connect()
        made.send_command("PING")
        made.read_response()
    except (RedisError, OSError) as error:
        made.disconnect()
        raise BadTarget(f"{where(address)} as user {address.get('user', 'default')!r}: {_reason(error)}") from error
    return made


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({cause.verify_message}): give its authority as ?ca=FILE"
    return " ".join(str(error).split()) or type(error).__name__
