"""
Distinct users: who was seen in the last 300 s, exactly up to a cap, by HyperLogLog beyond it.

Ids are kept as keyed 64-bit hashes, so that neither names nor addresses are stored. With 100,000 users the chance that any
two of them share a hash is 3 in 10 thousand million.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING

from bongsu.apm import names
from bongsu.apm.hyperloglog import HyperLogLog

if TYPE_CHECKING:
    from collections.abc import Mapping


class UserHasher:
    """
    Turns the user of a span into a 64-bit hash.

    Parameters
    ----------
    secret
        Key of the project, at most 64 bytes; without it nobody can tell from a hash whose it is.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def hash_of(self, attributes: Mapping[str, object]) -> int | None:
        """Return the hash of a span's user, or None when the span tells neither who nor where they are."""
        for key in names.USER_KEYS:
            value = attributes.get(key)
            if value is not None and value != "":
                return self._hash("user", value)
        for key in names.FORWARDED_KEYS:
            address = _first_forwarded(attributes.get(key))
            if address:
                return self._hash("address", address)
        for key in names.ADDRESS_KEYS:
            value = attributes.get(key)
            if value is not None and value != "":
                return self._hash("address", value)
        return None

    def _hash(self, kind: str, value: object) -> int:
        # The kind keeps a user named as an address apart from that address.
        text = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=self._secret).digest(), "big")


def _first_forwarded(value: object) -> str:
    """Return the first entry of a forwarding header, which is a text or a list of texts."""
    while isinstance(value, tuple):
        value = value[0] if value else None
    return value.partition(",")[0].strip()[: names.MOST_CHARACTERS] if isinstance(value, str) else ""


class UserWindow:
    """
    The users of the newest `length` ticks.

    While all of them together fit under the cap, a table from hash to the newest tick counts them exactly. When they no longer
    do, every tick keeps a sketch, and the sketches' union is estimated; exact counting comes back when the window has emptied
    to half the cap. Not thread-safe: the project's lock guards it.

    Parameters
    ----------
    length
        Ticks in the window.
    cap
        Most users that are counted exactly.
    precision
        Of the sketches.
    """

    def __init__(self, length: int, cap: int, *, precision: int = 14) -> None:
        self._length = length
        self._cap = cap
        self._precision = precision
        self._newest: dict[int, int] = {}
        self._ticks: deque[tuple[int, set[int]]] = deque()
        self._sketches: deque[tuple[int, HyperLogLog]] = deque()
        self._estimate = 0

    @property
    def is_exact(self) -> bool:
        """Whether `count` is exact now."""
        return not self._sketches

    def advance(self, tick: int, seen: set[int]) -> None:
        """Add the users of a tick, newer than all before, and forget the ticks that left the window."""
        self._forget(tick - self._length)
        if self._sketches:
            self._advance_sketches(tick, seen)
            return
        if seen:
            self._ticks.append((tick, seen))
            self._newest.update(dict.fromkeys(seen, tick))
            if len(self._newest) > self._cap:
                self._to_sketches()

    def count(self) -> int:
        """Return the distinct users in the window."""
        return self._estimate if self._sketches else len(self._newest)

    def _forget(self, oldest: int) -> None:
        while self._ticks and self._ticks[0][0] <= oldest:
            tick, seen = self._ticks.popleft()
            for user in seen:
                if self._newest.get(user) == tick:
                    del self._newest[user]
        while self._sketches and self._sketches[0][0] <= oldest:
            self._sketches.popleft()

    def _to_sketches(self) -> None:
        self._sketches.extend((t, HyperLogLog.of(seen, self._precision)) for t, seen in self._ticks)
        self._ticks.clear()
        self._newest.clear()
        self._estimate = self._union()

    def _advance_sketches(self, tick: int, seen: set[int]) -> None:
        # Exact sets are kept beside the sketches while they are small enough to be the whole truth again one day.
        if seen:
            self._sketches.append((tick, HyperLogLog.of(seen, self._precision)))
            self._ticks.append((tick, seen))
            self._newest.update(dict.fromkeys(seen, tick))
        if len(self._newest) > self._cap // 2:
            self._ticks.clear()
            self._newest.clear()
        self._estimate = self._union()
        if self._sketches and self._ticks and self._sketches[0][0] >= self._ticks[0][0]:
            self._sketches.clear()  # every tick of the window is known exactly

    def _union(self) -> int:
        if not self._sketches:
            return 0
        first, *rest = (sketch for _, sketch in self._sketches)
        return first.merge(rest).estimate()
