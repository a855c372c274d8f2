"""A message as amqpstorm reads it: a method, a header, and its body in as many frames as it needs."""

from typing import Any

__all__ = ["Content"]


class Content:
    def __init__(self) -> None:
        self._method: Any = None
        self._parts: list[bytes] = []
        self._left_bytes = 0

    def begin(self, method: Any) -> None:
        self._method = method

    def add(self, frame: Any) -> tuple[Any, bytes] | None:
        """A header or body frame; the method and the body once they are whole."""
        if frame.name == "ContentHeader":
            self._left_bytes = frame.body_size
        else:
            self._parts.append(frame.value)
            self._left_bytes -= len(frame.value)
        if self._left_bytes:
            return None
        parts, self._parts = self._parts, []
        return self._method, parts[0] if len(parts) == 1 else b"".join(parts)
