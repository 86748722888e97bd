"""Identifiers: time-ordered for things that are listed, random for what must not be guessed."""

from __future__ import annotations

import secrets
import threading
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bongsu.runtime.clock import Clock

_RANDOM_BITS = 74
"""Bits of a UUID of version 7 beside 48 of milliseconds, 4 of version and 2 of variant."""
_STEP_BITS = 32
"""Ids of the same millisecond grow by a random step: they stay in order and keep apart from other processes'."""
_PROJECT_ID_CHARACTERS = "23456789abcdefghjkmnpqrstvwxyz"
"""Without what looks alike (0 O, 1 l i, u v): people type project ids."""
_PROJECT_ID_LENGTH = 12
"""58 bits: no clash among any number of projects that one server can hold; the database checks all the same."""


class TimeOrderedIds:
    """Makes UUIDs of version 7 (RFC 9562, 5.7); their text sorts in the order in which this process made them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0  # guarded by the lock

    def make(self) -> str:
        """Return a new id."""
        with self._lock:
            now = self._clock.now_ms()
            if now > self._last >> _RANDOM_BITS:
                self._last = now << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
            else:
                self._last += 1 + secrets.randbits(_STEP_BITS)
            return str(_as_version_7(self._last))


def _as_version_7(number: int) -> uuid.UUID:
    """Return the UUID of 48 bits of milliseconds and 74 random ones; larger numbers give later texts."""
    milliseconds, random = divmod(number, 1 << _RANDOM_BITS)
    high, low = divmod(random, 1 << 62)
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def make_project_id() -> str:
    """Return a random project id."""
    return "".join(secrets.choice(_PROJECT_ID_CHARACTERS) for _ in range(_PROJECT_ID_LENGTH))


def make_key_id() -> str:
    """Return a random key id, letters and digits only; it is no secret."""
    return secrets.token_hex(8)


def make_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)
