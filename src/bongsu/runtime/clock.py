"""Time as an argument: the machine's clock for the server, a manual one for tests."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """
    Where time comes from. `now_ms` may jump with the machine's clock; `monotonic` never goes back.

    All methods may be called from any thread, `sleep` from an event loop.
    """

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock's time; at once, after one turn of the loop, when not positive."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that moves only when told; sleepers wake in order of their deadlines."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = float(now_ms)
        self._start_ms = float(now_ms)
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        """Return the Unix milliseconds that were set last."""
        return int(self._now_ms)

    def monotonic(self) -> float:
        """Return the seconds that the clock was advanced by."""
        return (self._now_ms - self._start_ms) / 1000

    async def sleep(self, seconds: float) -> None:
        """Wait until `advance` has moved the clock by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_ms + seconds * 1000, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move the clock; each sleeper that is due runs, at its own time, before the clock moves on."""
        target = self._now_ms + seconds * 1000
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, future = heapq.heappop(self._sleepers)
            self._now_ms = max(self._now_ms, due)
            if not future.done():
                future.set_result(None)
            await self._settle()
        self._now_ms = target

    async def _settle(self) -> None:
        # A woken task may need several turns of the loop before it sleeps again.
        for _ in range(20):
            await asyncio.sleep(0)
