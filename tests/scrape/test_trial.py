"""One scrape on demand tells how it went and stores nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
import structlog
from prometheus_client import CollectorRegistry
from tests.support.exporter import running_exporter
from tests.support.stored import samples_of

from bongsu.model.errors import Unavailable
from bongsu.runtime.clock import SystemClock
from bongsu.scrape.outcomes import Health, ScrapeOutcome
from bongsu.scrape.reach import ANYWHERE
from bongsu.scrape.scraper import Scraper
from bongsu.scrape.targets import ScrapeLimits, ScrapeTarget, TargetBoard
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


class Deaf:
    """Nobody wants to hear of a trial."""

    def record(self, outcome: ScrapeOutcome) -> None:
        raise AssertionError(f"a trial was recorded: {outcome}")


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Scraper]:
    """Give a scraper that runs and has no target of its own."""
    scraper = Scraper(
        TargetBoard(), Deaf(), clock=SystemClock(), registry=CollectorRegistry(), log=structlog.get_logger()
    )
    task = asyncio.create_task(scraper.run())
    try:
        while scraper._parts is None:  # noqa: ASYNC110 - the scraper tells nobody that it runs
            await asyncio.sleep(0.001)
        yield scraper
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def target_at(url: str, *, max_samples: int = 1000) -> ScrapeTarget:
    return ScrapeTarget(
        "t",
        url,
        (("job", "a"),),
        MemoryProjectStore(),
        limits=ScrapeLimits(max_samples=max_samples),
        reach=ANYWHERE,
    )


async def test_a_good_target_tells_its_samples_and_stores_none() -> None:
    async with running_exporter() as exporter, running() as scraper:
        exporter.body = b"a 1\nb 2\nc 3\n"
        target = target_at(exporter.url())
        outcome = await scraper.test(target)

        assert (Health.UP, 200, 3, "") == (
            outcome.health,
            outcome.http_status,
            outcome.samples,
            outcome.error,
        )
        assert {} == samples_of(target.store)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (503, b"", "HTTP 503 Service Unavailable"),
        (200, b"a 1\nnot good at all\n", "line 2"),
        (200, b"a 1\nb 2\nc 3\nd 4\n", "the body has 4 samples, 3 are allowed"),
    ],
)
async def test_a_bad_target_tells_why(status: int, body: bytes, words: str) -> None:
    async with running_exporter() as exporter, running() as scraper:
        exporter.status, exporter.body = status, body
        outcome = await scraper.test(target_at(exporter.url(), max_samples=3))

        assert Health.DOWN is outcome.health
        assert words in outcome.error


async def test_nobody_at_home_is_an_outcome() -> None:
    async with running() as scraper:
        outcome = await scraper.test(target_at("http://127.0.0.1:1/metrics"))

        assert (Health.DOWN, "connection refused") == (outcome.health, outcome.error)


async def test_a_scraper_that_does_not_run_says_so() -> None:
    scraper = Scraper(
        TargetBoard(), Deaf(), clock=SystemClock(), registry=CollectorRegistry(), log=structlog.get_logger()
    )
    with pytest.raises(Unavailable, match="does not run"):
        await scraper.test(target_at("http://127.0.0.1:1/metrics"))
