"""Where the sockets of a destination are bound."""

from brokerbench.servers import free_port

__all__ = ["places"]


def places(transport: str, folder: str, count: int) -> list[str]:
    """For `count` sockets; `folder` is used by ipc alone."""
    if transport == "ipc":
        return [f"ipc://{folder}/{index}" for index in range(count)]
    return [f"tcp://127.0.0.1:{free_port()}" for _ in range(count)]
