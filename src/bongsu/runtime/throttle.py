"""
How often something may happen for each of many names, in bounded memory.

Each name has a bucket of attempts that fills again evenly (the "leaky bucket as a meter" of ITU-T I.371, kept as one time a name: when
the bucket will be full again).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bongsu.runtime.clock import Clock

MAX_NAMES = 10_000
"""About 2 MB."""


class Throttle:
    """
    Counts attempts by name. Safe from any thread.

    When there are too many names, those whose bucket is nearly full again are forgotten first: to free a name that is refused, somebody
    has to be refused under ten thousand others.

    Parameters
    ----------
    attempts
        How many may follow each other at once; 0 allows any number.
    window_s
        Seconds in which that many come back.
    """

    def __init__(self, clock: Clock, *, attempts: int, window_s: float, max_names: int = MAX_NAMES) -> None:
        self._clock = clock
        self._window_s = window_s
        self._each_s = window_s / attempts if attempts else 0.0
        self._max_names = max_names
        self._lock = threading.Lock()
        self._full_at: dict[str, float] = {}

    def take(self, name: str) -> float:
        """Take an attempt and return 0, or return the seconds to wait and take none."""
        now = self._clock.monotonic()
        with self._lock:
            full_at = max(now, self._full_at.get(name, now)) + self._each_s
            wait = full_at - now - self._window_s
            # A thousandth is forgiven: sums of floats must not refuse the last attempt of a bucket.
            if self._each_s and wait > self._each_s / 1000:
                return wait
            if self._each_s:
                self._make_room(now, name)
                self._full_at[name] = full_at
        return 0.0

    def give_back(self, name: str) -> None:
        """Undo one attempt, because it was a good one."""
        with self._lock:
            if name in self._full_at:
                self._full_at[name] -= self._each_s

    def forget(self, name: str) -> None:
        """Fill a name's bucket."""
        with self._lock:
            self._full_at.pop(name, None)

    def __len__(self) -> int:
        """Return how many names are remembered."""
        return len(self._full_at)

    def _make_room(self, now: float, name: str) -> None:
        if len(self._full_at) < self._max_names or name in self._full_at:
            return
        self._full_at = {known: at for known, at in self._full_at.items() if at > now}
        if len(self._full_at) >= self._max_names:
            # A tenth at once, so that the sorting is rare.
            ordered = sorted(self._full_at, key=self._full_at.__getitem__)
            for known in ordered[: max(1, self._max_names // 10)]:
                del self._full_at[known]
