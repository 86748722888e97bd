"""The life of one target: scrape when due, one at a time, until it is removed."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from bongsu.model.errors import BongsuError
from bongsu.scrape.fetch import Doors, FetchedBody, fetch
from bongsu.scrape.outcomes import Failure, Health, ScrapeFailed, ScrapeOutcome
from bongsu.scrape.schedule import next_due, offset_ms, sample_time
from bongsu.scrape.writer import TargetWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from structlog.typing import FilteringBoundLogger

    from bongsu.runtime.clock import Clock
    from bongsu.scrape.budget import BodyBudget, BodyLease
    from bongsu.scrape.metrics import ScrapeMetrics
    from bongsu.scrape.outcomes import OutcomeSink
    from bongsu.scrape.targets import ScrapeTarget

Result = TypeVar("Result")

_GRACE_INTERVALS = 2.1
"""A removed target's series are marked stale after this many intervals: it may come back with the next change (Prometheus)."""


class Offload(Protocol):
    """Runs blocking work in a worker thread."""

    async def __call__(self, work: Callable[[], Result]) -> Result:
        """Return the work's result; a cancelled caller waits for its end, so that nobody works beside it."""
        ...


@dataclass(frozen=True, slots=True)
class LoopParts:
    """What all loops share; `describes` and `keeps_starts` are the writers'."""

    doors: Doors
    budget: BodyBudget
    clock: Clock
    sink: OutcomeSink
    metrics: ScrapeMetrics
    offload: Offload
    log: FilteringBoundLogger
    describes: bool = False
    keeps_starts: bool = False


class TargetLoop:
    """Scrapes one target. Lives on one event loop."""

    def __init__(self, target: ScrapeTarget, parts: LoopParts) -> None:
        self.target = target
        self._parts = parts
        self._writer = TargetWriter(
            target, parts.metrics, describes=parts.describes, keeps_starts=parts.keeps_starts
        )
        # Held while a scrape or the final mark is written: the writer serves one at a time.
        self._writing = asyncio.Lock()
        self._last_due_ms: int | None = None

    def update(self, target: ScrapeTarget) -> None:
        """Take over changed options; the next scrape has them."""
        self.target = target

    async def run(self) -> None:
        """Scrape for ever."""
        clock = self._parts.clock
        due = self._next_due(clock.now_ms())
        while True:
            interval = self._interval_ms
            now = clock.now_ms()
            if not 0 < due - now <= interval:
                # First turn apart, the wall clock was set, or the options changed.
                due = self._next_due(now)
            await clock.sleep((due - clock.now_ms()) / 1000)
            self._last_due_ms = due
            await self._scrape_safely(due)
            following = self._next_due(max(clock.now_ms(), due + 1))
            if following > due + interval:
                self._parts.metrics.missed.inc((following - due) // interval - 1)
            due = following

    async def end(self) -> None:
        """Mark the series stale after a grace time; cancel it when the target comes back."""
        if self._last_due_ms is None:
            return
        missed = self._last_due_ms + self._interval_ms
        await self._parts.clock.sleep(self.target.interval_s * _GRACE_INTERVALS)
        async with self._writing:
            with contextlib.suppress(
                BongsuError
            ):  # a closed or full store takes no marks; its series end by themselves
                await self._parts.offload(lambda: self._writer.write_end(missed))

    @property
    def _interval_ms(self) -> int:
        return max(1, round(self.target.interval_s * 1000))

    def _next_due(self, now_ms: int) -> int:
        # A target that comes back within the millisecond of its scrape must not repeat it.
        now_ms += now_ms == self._last_due_ms
        return next_due(now_ms, self._interval_ms, offset_ms(self.target.id, self._interval_ms))

    async def _scrape_safely(self, due: int) -> None:
        metrics = self._parts.metrics
        with metrics.in_flight.track_inprogress():
            try:
                outcome = await self._scrape(due)
            except Exception as error:  # noqa: BLE001 - one target's surprise must not end the scraping of all
                outcome = self._surprise(due, error)
        metrics.scrapes.inc()
        metrics.duration.observe(outcome.duration_s)
        try:
            self._parts.sink.record(outcome)
        except Exception:
            self._parts.log.exception("scrape_outcome_lost", target=self.target.id)

    async def _scrape(self, due: int) -> ScrapeOutcome:
        clock, target = self._parts.clock, self.target
        now = clock.now_ms()
        begun = clock.monotonic()
        self._parts.metrics.lateness.observe(max(0, now - due) / 1000)
        time_ms = sample_time(due, now, self._interval_ms)
        with self._parts.budget.lease() as lease:
            answer = await self._fetch(target, lease)
            async with self._writing:
                # The options that the request was made with: others may have come meanwhile.
                self._writer.update(target)
                return await self._parts.offload(
                    lambda: self._writer.write(
                        answer, time_ms=time_ms, elapsed=lambda: clock.monotonic() - begun
                    )
                )

    async def _fetch(self, target: ScrapeTarget, lease: BodyLease) -> FetchedBody | ScrapeFailed:
        if target.refusal:
            return ScrapeFailed(target.refusal, Failure.REFUSED)
        try:
            return await within(
                self._parts.clock,
                min(target.timeout_s, target.interval_s),
                fetch(self._parts.doors, target, lease),
            )
        except ScrapeFailed as failed:
            return failed
        except TimeoutError:
            return ScrapeFailed("timeout", Failure.TIMEOUT)

    def _surprise(self, due: int, error: Exception) -> ScrapeOutcome:
        if isinstance(error, BongsuError):
            failure, words = Failure.STORE, f"not stored: {error.message}"
        else:
            failure, words = Failure.INTERNAL, "internal error; see the server's log"
            self._parts.log.error("scrape_broke", target=self.target.id, url=self.target.url, exc_info=error)
        self._parts.metrics.failures.labels(failure.value).inc()
        return ScrapeOutcome(self.target.id, due, 0.0, Health.DOWN, error=words)


async def within(clock: Clock, seconds: float, work: Coroutine[object, object, Result]) -> Result:
    """Return the result of `work`; raise TimeoutError when it has not ended after `seconds` of the clock."""
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("BUG: a time limit outside of a task")
    timer = asyncio.ensure_future(clock.sleep(seconds))
    others, over, struck = task.cancelling(), False, False

    def strike(ended: asyncio.Future[None]) -> None:
        # The work may have ended in the same turn of the loop; what the task does then is not ours to end.
        nonlocal struck
        if not over and not ended.cancelled():
            struck = True
            task.cancel()

    timer.add_done_callback(strike)
    try:
        return await work
    except asyncio.CancelledError:
        if struck and task.uncancel() <= others:
            raise TimeoutError from None
        raise
    finally:
        over = True
        timer.cancel()
