from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

import pytest
import structlog
from prometheus_client import CollectorRegistry
from tests.support.exporter import Exporter, running_exporter
from tests.support.stored import STALE, samples_of

from bongsu.runtime.clock import ManualClock
from bongsu.scrape.outcomes import Health, ScrapeOutcome
from bongsu.scrape.reach import ANYWHERE
from bongsu.scrape.schedule import next_due, offset_ms
from bongsu.scrape.scraper import Scraper
from bongsu.scrape.targets import ScrapeTarget, TargetBoard
from bongsu.storage.errors import StoreReadOnly
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bongsu.model.samples import SampleBatch
    from bongsu.storage.contract import AppendResult

pytestmark = pytest.mark.anyio

DEADLINE_S = 20.0
INTERVAL_MS = 15_000


async def until(condition: Callable[[], bool]) -> None:
    """Poll: what is waited for comes from a real socket and real threads."""
    deadline = monotonic() + DEADLINE_S
    while not condition():
        assert monotonic() < deadline, "nothing happened in time"
        await asyncio.sleep(0.005)


class Scene:
    """A scraper under a manual clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.board = TargetBoard()
        self.outcomes: list[ScrapeOutcome] = []
        self.registry = CollectorRegistry()
        self.scraper = Scraper(
            self.board, self, clock=self.clock, registry=self.registry, log=structlog.get_logger()
        )

    def record(self, outcome: ScrapeOutcome) -> None:
        self.outcomes.append(outcome)

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    async def publish(self, *targets: ScrapeTarget) -> None:
        self.board.publish({"project": targets})
        await until(lambda: self.counted("bongsu_scrape_targets") == len(targets))
        await asyncio.sleep(0.01)

    async def to_next_scrape(self, name: str) -> int:
        """Advance to the moment when a target is due, and return it."""
        now = self.clock.now_ms()
        due = next_due(now + 1, INTERVAL_MS, offset_ms(name, INTERVAL_MS))
        await self.clock.advance((due - now) / 1000)
        return due

    async def scrape(self, name: str) -> tuple[int, ScrapeOutcome]:
        done = len(self.outcomes)
        due = await self.to_next_scrape(name)
        await until(lambda: len(self.outcomes) > done)
        return due, self.outcomes[-1]


@asynccontextmanager
async def running_scene() -> AsyncIterator[tuple[Scene, Exporter]]:
    scene = Scene()
    async with running_exporter() as exporter:
        running = asyncio.create_task(scene.scraper.run())
        try:
            yield scene, exporter
        finally:
            exporter.answering.set()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


def target(
    exporter: Exporter, store: MemoryProjectStore, name: str = "t", path: str = "/metrics"
) -> ScrapeTarget:
    return ScrapeTarget(
        name, exporter.url(path), (("job", "j"), ("openmetrics_id", name)), store, reach=ANYWHERE
    )


async def test_a_target_is_scraped_on_its_grid_over_one_connection() -> None:
    async with running_scene() as (scene, exporter):
        store = MemoryProjectStore()
        exporter.body = b"a 1\n"
        await scene.publish(target(exporter, store))
        times = [(await scene.scrape("t"))[0] for _ in range(3)]
        assert [INTERVAL_MS, INTERVAL_MS] == [times[1] - times[0], times[2] - times[1]]
        assert {'a{job="j", openmetrics_id="t"}': [(t, 1.0) for t in times]} == samples_of(store, "a")
        assert [(t, Health.UP) for t in times] == [(o.time_ms, o.health) for o in scene.outcomes]
        assert 1 == len(exporter.connections)
        assert 3 == scene.counted("bongsu_scrape_scrapes_total")


async def test_a_silent_target_times_out_and_the_next_scrape_is_on_time() -> None:
    async with running_scene() as (scene, exporter):
        store = MemoryProjectStore()
        exporter.answering.clear()
        await scene.publish(target(exporter, store))
        due = await scene.to_next_scrape("t")
        await until(lambda: len(exporter.requests) == 1)
        await scene.clock.advance(9.999)
        assert [] == scene.outcomes
        await scene.clock.advance(0.001)
        await until(lambda: len(scene.outcomes) == 1)
        assert (due, Health.DOWN, "timeout", 10.0) == (
            scene.outcomes[0].time_ms,
            scene.outcomes[0].health,
            scene.outcomes[0].error,
            round(scene.outcomes[0].duration_s, 6),
        )
        exporter.answering.set()
        assert (due + INTERVAL_MS, "") == ((outcome := (await scene.scrape("t"))[1]).time_ms, outcome.error)
        assert [(due, 0.0), (due + INTERVAL_MS, 1.0)] == samples_of(store, "up")[
            'up{job="j", openmetrics_id="t"}'
        ]
        assert 1 == scene.counted("bongsu_scrape_failures_total", reason="timeout")


async def test_each_target_writes_into_its_own_store_only() -> None:
    async with running_scene() as (scene, exporter):
        mine, theirs = MemoryProjectStore(), MemoryProjectStore()
        exporter.body = b"a 1\n"
        await scene.publish(target(exporter, mine, "t1"), target(exporter, theirs, "t2"))
        await scene.clock.advance(0)
        while {"t1", "t2"} - {outcome.target_id for outcome in scene.outcomes}:
            await scene.scrape("t1")
            await scene.scrape("t2")
        assert ['a{job="j", openmetrics_id="t1"}'] == list(samples_of(mine, "a"))
        assert ['a{job="j", openmetrics_id="t2"}'] == list(samples_of(theirs, "a"))


async def test_a_removed_target_gets_its_marks_at_the_first_missed_scrape() -> None:
    async with running_scene() as (scene, exporter):
        store = MemoryProjectStore()
        exporter.body = b"a 1\n"
        await scene.publish(target(exporter, store))
        due, _ = await scene.scrape("t")
        await scene.publish()
        await scene.clock.advance(31.0)
        assert [(due, 1.0)] == samples_of(store, "a")['a{job="j", openmetrics_id="t"}']
        await scene.clock.advance(0.5)
        await until(lambda: len(samples_of(store, "a")['a{job="j", openmetrics_id="t"}']) == 2)
        assert [(due, 1.0), (due + INTERVAL_MS, STALE)] == samples_of(store, "a")[
            'a{job="j", openmetrics_id="t"}'
        ]
        await until(lambda: len(samples_of(store, "up")['up{job="j", openmetrics_id="t"}']) == 2)
        assert (due + INTERVAL_MS, STALE) == samples_of(store, "up")['up{job="j", openmetrics_id="t"}'][1]


async def test_a_target_that_comes_back_in_time_gets_no_marks() -> None:
    async with running_scene() as (scene, exporter):
        store = MemoryProjectStore()
        exporter.body = b"a 1\n"
        await scene.publish(target(exporter, store))
        first, _ = await scene.scrape("t")
        await scene.publish()
        await scene.publish(target(exporter, store, path="/other"))
        second, _ = await scene.scrape("t")
        await scene.clock.advance(0)
        assert "/other" == exporter.requests[-1].path
        assert [(first, 1.0), (second, 1.0)] == samples_of(store, "a")['a{job="j", openmetrics_id="t"}']
        assert 1 == scene.counted("bongsu_scrape_layout_hits_total")


async def test_shutdown_marks_nothing() -> None:
    store = MemoryProjectStore()
    async with running_scene() as (scene, exporter):
        exporter.body = b"a 1\n"
        await scene.publish(target(exporter, store))
        due, _ = await scene.scrape("t")
    assert [(due, 1.0)] == samples_of(store, "a")['a{job="j", openmetrics_id="t"}']


class FullStore(MemoryProjectStore):
    """A store whose disk is full until told otherwise."""

    full = True

    def append(self, batch: SampleBatch) -> AppendResult:
        if self.full:
            raise StoreReadOnly("the disk is full")
        return super().append(batch)


async def test_a_group_changes_without_the_others() -> None:
    async with running_scene() as (scene, exporter):
        mine, theirs = MemoryProjectStore(), MemoryProjectStore()
        exporter.body = b"a 1\n"
        await scene.publish(target(exporter, mine, "t1"))
        scene.board.publish({"other": [target(exporter, theirs, "t2")]})
        await until(lambda: scene.counted("bongsu_scrape_targets") == 2)
        scene.board.publish({"project": []})
        await until(lambda: scene.counted("bongsu_scrape_targets") == 1)
        await scene.scrape("t2")
        assert {} == samples_of(mine)
        assert ['a{job="j", openmetrics_id="t2"}'] == list(samples_of(theirs, "a"))


async def test_a_target_that_is_refused_is_not_asked_and_says_why() -> None:
    async with running_scene() as (scene, exporter):
        store = MemoryProjectStore()
        await scene.publish(replace(target(exporter, store), refusal="no address"))
        due, outcome = await scene.scrape("t")
        assert (Health.DOWN, "no address", []) == (outcome.health, outcome.error, exporter.requests)
        assert [(due, 0.0)] == samples_of(store, "up")['up{job="j", openmetrics_id="t"}']
        assert 1 == scene.counted("bongsu_scrape_failures_total", reason="refused")


async def test_a_full_disk_fails_the_scrape_and_scraping_goes_on() -> None:
    async with running_scene() as (scene, exporter):
        store = FullStore()
        exporter.body = b"a 1\n"
        await scene.publish(target(exporter, store))
        _, failed = await scene.scrape("t")
        assert (Health.DOWN, "not stored: the disk is full") == (failed.health, failed.error)
        assert 1 == scene.counted("bongsu_scrape_failures_total", reason="store")
        store.full = False
        due, outcome = await scene.scrape("t")
        assert Health.UP is outcome.health
        assert {'a{job="j", openmetrics_id="t"}': [(due, 1.0)]} == samples_of(store, "a")


async def test_a_changed_interval_is_followed() -> None:
    async with running_scene() as (scene, exporter):
        store = MemoryProjectStore()
        await scene.publish(target(exporter, store))
        await scene.scrape("t")
        faster = replace(target(exporter, store), interval_s=1, timeout_s=1)
        scene.board.publish({"project": [faster]})
        await asyncio.sleep(0.05)
        await scene.scrape("t")
        before = len(scene.outcomes)
        for count in range(1, 4):
            await scene.clock.advance(1)
            await until(lambda count=count: len(scene.outcomes) == before + count)  # type: ignore[misc]
        assert [1000, 1000] == [scene.outcomes[i + 1].time_ms - scene.outcomes[i].time_ms for i in (-3, -2)]


async def test_a_sink_that_fails_does_not_end_the_scraping() -> None:
    async with running_scene() as (scene, exporter):
        store = MemoryProjectStore()
        record, calls = scene.record, []

        def failing(outcome: ScrapeOutcome) -> None:
            calls.append(outcome)
            if len(calls) == 1:
                raise RuntimeError("the database is away")
            record(outcome)

        scene.record = failing  # type: ignore[method-assign]
        await scene.publish(target(exporter, store))
        await scene.to_next_scrape("t")
        await until(lambda: len(calls) == 1)
        due, outcome = await scene.scrape("t")
        assert (due, Health.UP) == (outcome.time_ms, outcome.health)
