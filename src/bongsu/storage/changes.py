"""
What changed in a store, in terms of the oldest sample concerned: enough to know how much of an earlier answer still holds.

Scrapes write the newest times only, so an answer about older ones stays good. A late sample, a deletion or a backfill names an older
time, and everything from there on has to be computed anew.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right

from bongsu.storage.contract import Changes

EVER = -(1 << 63)
"""Older than any sample."""

_GRAIN_MS = 60_000
"""Changes are known by the minute, downwards: a scrape's samples, which spread over seconds, then take one entry."""

_MAX_ENTRIES = 1024
"""Entries kept, 17 hours of scrapes: an answer that nobody asked for since then is computed anew."""


class ChangeLog:
    """
    The oldest time changed since any mark. Its owner guards it with the lock under which changes become visible.

    Entries are kept only while no later one names an older time, so that their times rise with their marks.
    """

    def __init__(self) -> None:
        # A mark of another log, such as one of a project of the same name before, is hardly ever one of this log's.
        self._mark = self._forgotten = secrets.randbits(60)
        self._marks: list[int] = []
        self._times: list[int] = []

    def note(self, oldest_ms: int) -> None:
        """Note that samples from a time on were added, replaced or removed."""
        self._mark += 1
        time = max(oldest_ms // _GRAIN_MS * _GRAIN_MS, EVER)
        while self._times and self._times[-1] >= time:
            self._times.pop()
            self._marks.pop()
        self._times.append(time)
        self._marks.append(self._mark)
        if len(self._marks) > _MAX_ENTRIES:
            self._forgotten = self._marks[_MAX_ENTRIES // 2 - 1]
            del self._marks[: _MAX_ENTRIES // 2], self._times[: _MAX_ENTRIES // 2]

    def since(self, mark: int | None) -> Changes:
        """Return what changed since a mark; everything, if the mark is too old or none of this log's."""
        if mark is None:
            return Changes(self._mark, None)
        if not self._forgotten <= mark <= self._mark:
            return Changes(self._mark, EVER)
        at = bisect_right(self._marks, mark)
        return Changes(self._mark, self._times[at] if at < len(self._times) else None)
