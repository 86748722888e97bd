"""All scraping of a process: keeps one loop per target, as the target source says."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from bongsu.scrape.budget import MAX_BYTES_IN_FLIGHT, BodyBudget
from bongsu.scrape.fetch import open_session
from bongsu.scrape.loop import LoopParts, TargetLoop
from bongsu.scrape.metrics import ScrapeMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from prometheus_client import CollectorRegistry
    from structlog.typing import FilteringBoundLogger

    from bongsu.runtime.clock import Clock
    from bongsu.scrape.outcomes import OutcomeSink
    from bongsu.scrape.targets import ScrapeTarget, TargetSource

Result = TypeVar("Result")

_WRITERS = 4
"""Threads that parse and append: while one waits for the disk others parse, and their batches share one sync."""


class Scraper:
    """
    Scrapes every target of a source until cancelled.

    Parameters
    ----------
    source
        Tells what to scrape.
    sink
        Hears of every outcome.
    clock, registry, log
        As everywhere.
    user_agent
        Sent with every request.
    writers
        Threads that parse and append.
    max_bytes_in_flight
        Memory of all bodies that are being fetched or written.
    """

    def __init__(
        self,
        source: TargetSource,
        sink: OutcomeSink,
        *,
        clock: Clock,
        registry: CollectorRegistry,
        log: FilteringBoundLogger,
        user_agent: str = "Bongsu",
        writers: int = _WRITERS,
        max_bytes_in_flight: int = MAX_BYTES_IN_FLIGHT,
    ) -> None:
        self._source = source
        self._sink = sink
        self._clock = clock
        self._metrics = ScrapeMetrics(registry)
        self._log = log
        self._user_agent = user_agent
        self._writers = writers
        self._budget = BodyBudget(max_bytes_in_flight)
        self._loops: dict[object, tuple[TargetLoop, asyncio.Task[None]]] = {}
        self._ending: dict[object, tuple[TargetLoop, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """
        Scrape until cancelled.

        When cancelled, requests under way are dropped and batches that are being written are finished; no series is marked
        stale, since the next start goes on with them.
        """
        pool = ThreadPoolExecutor(self._writers, thread_name_prefix="scrape")
        try:
            async with open_session(self._user_agent) as session:
                await self._follow(
                    LoopParts(
                        session,
                        self._budget,
                        self._clock,
                        self._sink,
                        self._metrics,
                        _Offload(pool),
                        self._log,
                    )
                )
        finally:
            tasks = [task for _, task in (*self._loops.values(), *self._ending.values())]
            await _cancel(tasks)
            self._loops.clear()
            self._ending.clear()
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, pool.shutdown))

    async def _follow(self, parts: LoopParts) -> None:
        revision: int | None = None
        while True:
            listing = await self._source.newer_than(revision)
            revision = listing.revision
            await self._apply(listing.targets, parts)

    async def _apply(self, targets: Sequence[ScrapeTarget], parts: LoopParts) -> None:
        wanted = {target.identity: target for target in targets}
        gone = self._loops.keys() - wanted.keys()
        await _cancel([self._loops[identity][1] for identity in gone])
        for identity in gone:
            loop, _ = self._loops.pop(identity)
            self._ending[identity] = (loop, self._start(self._end(identity, loop)))
        for identity, target in wanted.items():
            if identity in self._loops:
                self._loops[identity][0].update(target)
            else:
                loop = await self._revived(identity) or TargetLoop(target, parts)
                loop.update(target)
                self._loops[identity] = (loop, self._start(loop.run()))
        self._metrics.targets.set(len(self._loops))
        self._log.info("scrape_targets", count=len(self._loops), removed=len(gone))

    async def _revived(self, identity: object) -> TargetLoop | None:
        """Return the loop of a target that was removed a moment ago: its series go on."""
        if identity not in self._ending:
            return None
        loop, task = self._ending.pop(identity)
        await _cancel([task])
        return loop

    async def _end(self, identity: object, loop: TargetLoop) -> None:
        await loop.end()
        self._ending.pop(identity, None)

    @staticmethod
    def _start(work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)


class _Offload:
    """Runs blocking work in the scraper's own threads, so that scrapes and requests don't starve each other."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    async def __call__(self, work: Callable[[], Result]) -> Result:
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            return await asyncio.shield(future)
        finally:
            await asyncio.wait((future,))


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
