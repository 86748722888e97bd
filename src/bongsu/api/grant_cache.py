"""
Keys and sessions that were looked up lately.

A change by this process makes every entry stale at once, by the directory's generation. One by another process is seen when the
entry is looked up again: the first request after half a second does that, while the others go on with what is known, so that a
busy key never costs more than two look-ups a second and never makes a queue.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from bongsu.api.threads import Lane
from bongsu.model.errors import Unavailable

if TYPE_CHECKING:
    from bongsu.runtime.clock import Clock

Grant = TypeVar("Grant")
Found = TypeVar("Found", covariant=True)

REFRESH_SECONDS = 0.5
"""With a look-up's own time this keeps the promise that another process's revocation is seen within a second."""
OUTAGE_SECONDS = 300.0
"""While the control database does not answer, known keys are trusted this long, so that its restart costs no samples."""
_LOOKUP_THREADS = 8
"""A look-up takes a millisecond; eight at once are more than a start with a thousand agents needs."""
_MAX_ENTRIES = 50_000
"""About 30 MB; a thousand projects with dozens of keys each fit, and a full cache is only emptied."""
_MAX_UNKNOWN = 10_000
"""About 2 MB; anyone can fill it with invented ids, so it is emptied when it is full and never grows."""


class Directory(Protocol[Found]):
    """Where keys or sessions are looked up; methods block and may be called from any thread."""

    def generation(self) -> int:
        """Return a number that grows with every change to what is looked up that this process makes."""
        ...

    def find(self, name: str, /) -> Found | None:
        """Return what a name stands for; None when there is nothing of that name."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Grant]):
    """`checked` is when the grant was last confirmed, `until` when somebody should look again; monotonic seconds."""

    grant: Grant
    generation: int
    checked: float
    until: float


class GrantCache(Generic[Grant]):
    """
    Finds keys by id, and sessions by their token's hash; used from one event loop.

    Parameters
    ----------
    refresh_seconds
        How long a look-up is trusted when this process makes no change; 0 looks up every time.
    """

    def __init__(
        self, directory: Directory[Grant], clock: Clock, *, refresh_seconds: float = REFRESH_SECONDS
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._refresh_seconds = refresh_seconds
        self._lane = Lane(_LOOKUP_THREADS)
        self._entries: dict[str, _Entry[Grant]] = {}
        # Until when an id is known to be none, under a generation: an agent may send a revoked key a thousand times a second.
        self._unknown: dict[str, tuple[int, float]] = {}

    async def find(self, name: str) -> Grant | None:
        """Return the grant of a name, or None; raises Unavailable when it is not known and cannot be looked up."""
        generation = self._directory.generation()
        now = self._clock.monotonic()
        entry = self._entries.get(name)
        if entry is None or entry.generation != generation:
            if self._is_unknown(name, generation, now):
                return None
            return self._keep(name, await self._lane.run(self._directory.find, name), generation, now)
        if now < entry.until:
            return entry.grant
        self._entries[name] = replace(entry, until=now + self._refresh_seconds)
        try:
            return self._keep(name, await self._lane.run(self._directory.find, name), generation, now)
        except Unavailable:
            if now >= entry.checked + OUTAGE_SECONDS:
                raise
            return entry.grant

    def known(self, name: str) -> Grant | None:
        """Return the grant of a name that nobody needs to look up now; None also where there may be one."""
        entry = self._entries.get(name)
        if entry is None or entry.generation != self._directory.generation():
            return None
        return entry.grant if self._clock.monotonic() < entry.until else None

    def _is_unknown(self, name: str, generation: int, now: float) -> bool:
        known_generation, until = self._unknown.get(name, (-1, 0.0))
        return known_generation == generation and now < until

    def _keep(self, name: str, grant: Grant | None, generation: int, now: float) -> Grant | None:
        """Keep what was found under the generation from before the look-up: a change made meanwhile leaves it stale."""
        if grant is None:
            self._entries.pop(name, None)
            if len(self._unknown) >= _MAX_UNKNOWN:
                self._unknown.clear()
            self._unknown[name] = generation, now + self._refresh_seconds
            return None
        if len(self._entries) >= _MAX_ENTRIES:
            self._entries.clear()
        self._entries[name] = _Entry(grant, generation, now, now + self._refresh_seconds)
        return grant
