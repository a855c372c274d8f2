"""The coordinator's side: streams and groups made, read back, counted and removed."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench.contract import BadTarget, ConnectionLost, Counters, Destination, Endpoints
from brokerbench_drivers._dated import dated

from .address import where
from .link import Link
from .names import alive_key, endpoints_of, held_key, members_key
from .releases import REDIS_RELEASED, REDIS_SUPPORT_ENDS, VALKEY_RELEASED, VALKEY_SUPPORT_ENDS
from .settings import APPENDFSYNC_ORDER, Settings

__all__ = ["RedisAdmin"]

_NAME = "brokerbench-admin"
_READ_BACK = ("appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy", "io-threads")


class RedisAdmin:
    def __init__(self, address: Mapping[str, Any], settings: Settings) -> None:
        self._address = dict(address)
        self._settings = settings
        self._link = Link(address, _NAME)
        try:
            self._about = self._info("server")
            self._config = self._read_config()
            self._check()
        except (BadTarget, ConnectionLost):
            self._link.close()
            raise

    def declare(self, destination: Destination) -> Endpoints:
        endpoints = endpoints_of(self._address, destination)
        self.delete(endpoints)
        if self._settings.structure == "stream":
            for group in endpoints.groups.values():
                self._call("XGROUP", "CREATE", endpoints.destination, group, "0", "MKSTREAM")
        return endpoints

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        about = self._about
        if "valkey_version" in about:
            facts = {"product": "valkey"} | dated(about["valkey_version"], VALKEY_RELEASED, VALKEY_SUPPORT_ENDS)
        else:
            facts = {"product": "redis"} | dated(about["redis_version"], REDIS_RELEASED, REDIS_SUPPORT_ENDS)
        for name in ("server_name", "redis_version", "valkey_version"):
            if about.get(name):
                facts[name] = about[name]
        facts["structure"] = self._settings.structure
        return facts | self._config

    def counters(self, endpoints: Endpoints) -> Counters:
        """A list counts nothing but what it holds: there is no telling what was published."""
        if self._settings.structure == "list":
            return Counters(None, dict.fromkeys(endpoints.groups), None)
        key = endpoints.destination
        stream = _table(self._call("XINFO", "STREAM", key))
        found = {_text(row["name"]): row for row in map(_table, self._call("XINFO", "GROUPS", key))}
        groups = {group: found[name] for group, name in endpoints.groups.items()}
        # Redis 6.2 counts neither; its length is what was added where nothing is trimmed.
        added = stream.get("entries-added", stream["length"] if self._settings.maxlen is None else None)
        waiting: list[Any] = [row.get("lag") for row in groups.values()]
        unsettled = sum(row["pending"] for row in groups.values())
        stored = None if None in waiting else sum(waiting) + unsettled
        return Counters(added, {group: row.get("entries-read") for group, row in groups.items()}, stored)

    def delete(self, endpoints: Endpoints) -> None:
        key = endpoints.destination
        keys = [key]
        if self._settings.structure == "list":
            members = [_text(member) for member in self._call("SMEMBERS", members_key(key))]
            keys += [members_key(key)]
            keys += [made(key, member) for member in members for made in (held_key, alive_key)]
        self._call("UNLINK", *keys)

    def rewind(self, endpoints: Endpoints, group: str) -> None:
        self._call("XGROUP", "SETID", endpoints.destination, endpoints.groups[group], "0")

    def busy(self) -> str:
        """Asked before anything of ours is there but this connection."""
        lines = _text(self._call("CLIENT", "LIST")).splitlines()
        others = sum(f" name={_NAME} " not in line for line in lines)
        if not others:
            return ""
        rate = self._info("stats").get("instantaneous_ops_per_sec", "?")
        return f"{others} connection{'s' if others > 1 else ''} of others, {rate} commands/s"

    def close(self) -> None:
        self._link.close()

    def _check(self) -> None:
        """A server of others writes and evicts as its own file says: believe what it reports."""
        here, config, asked = where(self._address), self._config, self._settings.appendfsync or "none"
        product = "valkey" if "valkey_version" in self._about else "redis"
        if self._settings.product not in (None, product):
            raise BadTarget(f"product: {self._settings.product} is asked, {here} is {product}: use product: {product}")
        found = "none" if config.get("appendonly") == "no" else config.get("appendfsync", "unknown")
        order = APPENDFSYNC_ORDER
        if asked != "none" and (found not in order or order.index(found) < order.index(asked)):
            raise BadTarget(
                f"appendfsync: {asked} is asked, {here} reports {found}:"
                f" set appendonly yes and appendfsync {asked} there, or ask less of it"
            )
        policy = config.get("maxmemory-policy", "")
        if policy.startswith("allkeys") and config.get("maxmemory") != "0":
            raise BadTarget(
                f"{here} evicts messages when memory is full ({policy}): set maxmemory-policy noeviction there"
            )

    def _read_config(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in _READ_BACK:
            try:
                value = self._call("CONFIG", "GET", name)
            except BadTarget as error:  # a user who may not, or a service that has no such command
                return {"server settings": f"not readable: {error}"}
            if value:
                found[name] = _text(value[1]) or "none"
        return found

    def _info(self, section: str) -> dict[str, str]:
        pairs = (line.partition(":") for line in _text(self._call("INFO", section)).splitlines())
        return {name: value for name, colon, value in pairs if colon}

    def _call(self, *command: str | int) -> Any:
        try:
            return self._link.call(*command)
        except ConnectionLost as lost:
            raise BadTarget(str(lost)) from lost


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _table(flat: Sequence[Any]) -> dict[str, Any]:
    return {_text(name): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
