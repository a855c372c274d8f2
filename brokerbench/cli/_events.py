"""`--json`: one object a line on standard output, as docs/live.md has them.

Written by a thread of its own: a reader that is slow must not stop the coordinator, which would stop the load.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any, TextIO

from ._progress import State

__all__ = ["Events"]


class Events:
    """A View. Lines wait in memory until the reader takes them; one that is gone is not written to any more."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._waiting: SimpleQueue[str | None] = SimpleQueue()
        self._began = time.monotonic()
        self._writer = threading.Thread(target=self._write, name="events", daemon=True)
        self._writer.start()

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *_: object) -> None:
        """The last event comes after the run, so `close` ends it."""

    def say(self, text: str) -> None:
        self.event("say", {"text": text})

    def event(self, kind: str, about: Mapping[str, Any]) -> None:
        record = {"event": kind, "after_s": round(time.monotonic() - self._began, 3), **about}
        self._waiting.put(json.dumps(record, ensure_ascii=False, allow_nan=False, default=list))

    def show(self, state: State, *, fresh: bool) -> None:
        """Told as events already."""

    def close(self) -> None:
        """Until all has been taken."""
        self._waiting.put(None)
        self._writer.join()

    def _write(self) -> None:
        gone = False
        while (line := self._waiting.get()) is not None:
            try:
                if not gone:
                    print(line, file=self._out, flush=True)
            except BrokenPipeError:  # the run goes on, and its folder has everything
                gone = True
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
