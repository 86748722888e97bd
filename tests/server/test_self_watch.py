"""The server's own metrics are in the store, under a name of their own."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter
from tests.support.stored import samples_of

from bongsu.model.errors import NotFound
from bongsu.runtime.clock import ManualClock
from bongsu.server.self_watch import SelfWatch
from bongsu.storage.memory import MemoryProjectStore

pytestmark = pytest.mark.anyio


async def test_own_metrics_are_stored_as_a_scrape_would_store_them() -> None:
    clock, registry, store = ManualClock(1_700_000_007_000), CollectorRegistry(), MemoryProjectStore()
    Counter("toy_orders", "Orders.", registry=registry).inc(42)
    watch = SelfWatch(registry, lambda: store, instance="host:9595", clock=clock, log=structlog.get_logger())
    watch.write()

    at = 1_700_000_007_000 - 1_700_000_007_000 % 15_000
    labels = '{instance="host:9595", job="@Bongsu"}'
    found = samples_of(store, "toy_orders_total|up")
    assert {f"toy_orders_total{labels}": [(at, 42.0)], f"up{labels}": [(at, 1.0)]} == found


async def test_it_ends_when_its_project_is_gone() -> None:
    def gone() -> MemoryProjectStore:
        raise NotFound("no such project")

    clock = ManualClock()
    watch = SelfWatch(CollectorRegistry(), gone, instance="a", clock=clock, log=structlog.get_logger())
    task = asyncio.ensure_future(watch.run())
    for _ in range(50):
        await asyncio.sleep(0.01)
        await clock.advance(1)
        if task.done():
            break

    assert task.done()
