"""Taking from a list: LMOVE into a list of the consumer's own, LREM when settled (a reliable queue); or RPOP.

A server does not know which consumer holds what. So each one renews a key that expires after `claim_after`; what is
held by one whose key is gone goes back to the head of the queue, moved there by whoever looks next.
"""

import time
from collections.abc import Sequence
from typing import Any

from brokerbench.contract import Session

from .consumer import Command, RedisConsumer
from .link import Link
from .names import alive_key, held_key, members_key

__all__ = ["ListConsumer"]

_MOVES = 256  # LMOVEs sent at a time, at most
_RETURN_LUA = """\
for _, member in ipairs(redis.call('SMEMBERS', KEYS[1] .. ':members')) do
  if redis.call('EXISTS', KEYS[1] .. ':alive:' .. member) == 0 then
    while redis.call('LMOVE', KEYS[1] .. ':held:' .. member, KEYS[1], 'LEFT', 'RIGHT') do end
    redis.call('SREM', KEYS[1] .. ':members', member)
  end
end
return 1
"""


class ListConsumer(RedisConsumer):
    def __init__(self, link: Link, session: Session) -> None:
        super().__init__(link, session)
        self._held = held_key(self._key, self._name)
        self._renew_at_s = 0.0
        self._moves = self._moved = 1
        if not self._noack:
            self._renew()
            self._drain()

    def _ask(self, block_s: float) -> None:
        if not self._noack and time.monotonic() >= self._renew_at_s:
            self._renew()
        room = self._room()
        if room <= 0:
            return
        first: list[Command] = []
        if self._noack:
            if block_s > 0:  # 0 would mean for ever
                first = [("BRPOP", self._key, block_s)]
            self._read([*first, ("RPOP", self._key, room)])
            return
        # As many as came last time and all again as many: a move that finds nothing costs as much as one that does.
        self._moves = min(room, _MOVES, max(1, 2 * self._moved))
        self._moved = 0
        move = (self._key, self._held, "RIGHT", "LEFT")
        if block_s > 0:
            first = [("BLMOVE", *move, block_s)]
        self._read([*first, *[("LMOVE", *move)] * (self._moves - len(first))])

    def _came(self, verb: str, reply: Any) -> None:
        if reply is None:
            return
        if verb == "BRPOP":
            payloads = reply[1:]
        elif verb == "RPOP":
            payloads = reply
        else:
            payloads = (reply,)
            self._moved += 1
        self._take(payloads, payloads)

    def _accept(self, tokens: Sequence[bytes]) -> None:
        self._tell([("LREM", self._held, -1, token) for token in tokens])  # from the end where the oldest are

    def _requeue(self, tokens: Sequence[bytes]) -> None:
        """Put back before it is let go, so that a crash between the two doubles it and does not lose it."""
        self._tell([("RPUSH", self._key, *reversed(tokens))])
        self._accept(tokens)

    def _leave(self, payloads: Sequence[bytes], tokens: Sequence[bytes]) -> None:
        if not self._noack:
            self._tell([("DEL", alive_key(self._key, self._name)), self._return_others()])
        elif payloads:
            self._tell([("RPUSH", self._key, *reversed(payloads))])

    def _renew(self) -> None:
        self._renew_at_s = time.monotonic() + self._claim_after_s / 3
        expires = ("PX", int(self._claim_after_s * 1000))
        alive = ("SET", alive_key(self._key, self._name), 1, *expires)
        self._tell([alive, ("SADD", members_key(self._key), self._name), self._return_others()])

    def _return_others(self) -> Command:
        return ("EVAL", _RETURN_LUA, 1, self._key)
