"""All scraping of a process: keeps one loop per target, as the target source says."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from bongsu.model.errors import Unavailable
from bongsu.scrape.addresses import Addresses, Resolver, system_resolver
from bongsu.scrape.budget import MAX_BYTES_IN_FLIGHT, BodyBudget
from bongsu.scrape.fetch import Doors, open_session
from bongsu.scrape.loop import LoopParts, TargetLoop
from bongsu.scrape.metrics import ScrapeMetrics
from bongsu.scrape.oauth import Tokens
from bongsu.scrape.trial import test_target

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from prometheus_client import CollectorRegistry
    from structlog.typing import FilteringBoundLogger

    from bongsu.runtime.clock import Clock
    from bongsu.scrape.outcomes import OutcomeSink, ScrapeOutcome
    from bongsu.scrape.targets import ScrapeTarget, TargetSource

Result = TypeVar("Result")

_Loops = dict[object, tuple[TargetLoop, "asyncio.Task[None]"]]
"""Loops with their tasks, by the identity of their targets."""

_WRITERS = 4
"""Threads that parse and append: while one waits for the disk others parse, and their batches share one sync."""

_TESTS_AT_ONCE = 8
"""Scrapes on somebody's word at the same time, of all projects; more wait."""


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
    resolve
        Asks for the addresses of names.
    describes
        Series get labels of type and unit.
    keeps_starts
        As `TargetWriter` has it.
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
        resolve: Resolver = system_resolver,
        describes: bool = False,
        keeps_starts: bool = False,
    ) -> None:
        self._source = source
        self._sink = sink
        self._clock = clock
        self._metrics = ScrapeMetrics(registry)
        self._log = log
        self._user_agent = user_agent
        self._writers = writers
        self._resolve = resolve
        self._describes = describes
        self._keeps_starts = keeps_starts
        self._budget = BodyBudget(max_bytes_in_flight)
        self._groups: dict[str, _Loops] = {}
        self._ending: _Loops = {}
        self._parts: LoopParts | None = None  # while it runs
        self._tests = asyncio.Semaphore(_TESTS_AT_ONCE)

    async def run(self) -> None:
        """
        Scrape until cancelled.

        When cancelled, requests under way are dropped and batches that are being written are finished; no series is marked
        stale, since the next start goes on with them.
        """
        pool = ThreadPoolExecutor(self._writers, thread_name_prefix="scrape")
        try:
            async with open_session(self._user_agent) as session:
                self._parts = LoopParts(
                    Doors(session, Addresses(self._clock, self._resolve), Tokens(self._clock)),
                    self._budget,
                    self._clock,
                    self._sink,
                    self._metrics,
                    _Offload(pool),
                    self._log,
                    self._describes,
                    self._keeps_starts,
                )
                await self._follow(self._parts)
        finally:
            self._parts = None
            groups = (*self._groups.values(), self._ending)
            await _cancel([task for loops in groups for _, task in loops.values()])
            self._groups.clear()
            self._ending.clear()
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, pool.shutdown))

    async def test(self, target: ScrapeTarget) -> ScrapeOutcome:
        """
        Scrape a target once, now, and store nothing; for whoever sets it up.

        Raises
        ------
        Unavailable
            If the scraper does not run.
        """
        if self._parts is None:
            raise Unavailable("the scraper does not run now; try again in a moment")
        async with self._tests:
            return await test_target(target, self._parts)

    async def _follow(self, parts: LoopParts) -> None:
        revision = 0
        while True:
            changes = await self._source.newer_than(revision)
            revision = changes.revision
            for group, targets in changes.groups.items():
                await self._apply(self._groups.setdefault(group, {}), targets, parts)
                if not targets:
                    del self._groups[group]
            count = sum(map(len, self._groups.values()))
            self._metrics.targets.set(count)
            self._log.info("scrape_targets", count=count, changed_groups=len(changes.groups))

    async def _apply(self, loops: _Loops, targets: Sequence[ScrapeTarget], parts: LoopParts) -> None:
        """Make the loops of one group those of its targets."""
        wanted = {target.identity: target for target in targets}
        gone = loops.keys() - wanted.keys()
        await _cancel([loops[identity][1] for identity in gone])
        for identity in gone:
            loop, _ = loops.pop(identity)
            self._ending[identity] = (loop, self._start(self._end(identity, loop)))
        for identity, target in wanted.items():
            if identity in loops:
                loops[identity][0].update(target)
            else:
                loop = await self._revived(identity) or TargetLoop(target, parts)
                loop.update(target)
                loops[identity] = (loop, self._start(loop.run()))

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
            if not future.done():
                await asyncio.wait((future,))


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
