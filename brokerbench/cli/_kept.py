"""What `up` has started and `down` ends: one JSON file a server in the user's state folder."""

import contextlib
import json
import os
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from brokerbench.servers.proctree import Proc, living, send
from brokerbench.servers.roster import identity

__all__ = ["AlreadyUp", "Kept", "state_home"]

_POLL_S = 0.02


class AlreadyUp(Exception):
    """A server of that name is up, or coming up: one line for the user."""


def state_home() -> Path:
    """Ours, in the user's state folder."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "brokerbench"


@dataclass(frozen=True)
class Kept:
    """One server and the keeper that owns it. `url` is empty until a client can use the server."""

    name: str
    keeper: dict[str, int]  # pid and start time, which together name one process
    since: str
    url: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def logs(name: str) -> Path:
        return state_home() / "up" / name

    @staticmethod
    def all() -> "list[Kept]":
        """Those whose keeper lives, by name."""
        found = (Kept.read(path.stem) for path in sorted((state_home() / "up").glob("*.json")))
        return [kept for kept in found if kept is not None and kept.alive]

    @staticmethod
    def read(name: str) -> "Kept | None":
        try:
            return Kept(**json.loads(_file(name).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    @staticmethod
    def claim(name: str) -> "Kept":
        """Take the name for this process. Raises AlreadyUp."""
        me = identity(os.getpid())
        assert me is not None
        claimed = Kept(name, me, time.strftime("%Y-%m-%d %H:%M:%S"))
        fresh = claimed._written()
        try:
            while True:
                try:
                    os.link(fresh, _file(name))  # fails where there is one: two that start at once cannot both win
                except FileExistsError:
                    there = Kept.read(name)
                    if there is not None and there.alive:
                        raise AlreadyUp(there.text) from None
                    _file(name).unlink(missing_ok=True)  # of a keeper that was killed
                else:
                    return claimed
        finally:
            fresh.unlink()

    def update(self) -> None:
        os.replace(self._written(), _file(self.name))

    def _written(self) -> Path:
        """A file beside the one that counts, for this user's eyes: the url may hold a password."""
        fresh = _file(f"{self.name}.{os.getpid()}").with_suffix(".new")
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), encoding="utf-8")
        return fresh

    def forget(self) -> None:
        _file(self.name).unlink(missing_ok=True)

    @property
    def alive(self) -> bool:
        return identity(self.keeper["pid"]) == self.keeper

    @property
    def text(self) -> str:
        """One line."""
        if not self.url:
            return f"{self.name} is coming up since {self.since}; end it with: brokerbench down {self.name}"
        version = f" {self.about['version']}" if "version" in self.about else ""
        return f"{self.name}{version} is up at {self.url} since {self.since}; end it with: brokerbench down {self.name}"

    def end(self, timeout_s: float) -> bool:
        """Ask the keeper to end, wait until it has. False if it still lives after `timeout_s`."""
        keeper = living(self.keeper["pid"])
        if keeper is not None and keeper.start == self.keeper["start"]:
            self._ask(keeper)
        deadline = time.monotonic() + timeout_s
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        self.forget()  # a keeper that was killed could not
        return True

    def _ask(self, keeper: Proc) -> None:
        with contextlib.suppress(ProcessLookupError):
            send(keeper, signal.SIGTERM)


def _file(name: str) -> Path:
    return state_home() / "up" / f"{name}.json"
