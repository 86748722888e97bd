"""The manual clock that other tests trust."""

from __future__ import annotations

import asyncio

import pytest

from bongsu.runtime.clock import ManualClock

pytestmark = pytest.mark.anyio


async def test_sleepers_wake_in_order_at_their_own_time() -> None:
    clock = ManualClock(1_000_000)
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, period: float) -> None:
        for _ in range(2):
            await clock.sleep(period)
            woken.append((name, clock.now_ms() - 1_000_000))

    tasks = [asyncio.create_task(sleeper("slow", 3)), asyncio.create_task(sleeper("quick", 2))]
    await clock.advance(10)
    await asyncio.gather(*tasks)

    assert [("quick", 2000), ("slow", 3000), ("quick", 4000), ("slow", 6000)] == woken
    assert 1_010_000 == clock.now_ms()
    assert 10.0 == clock.monotonic()


async def test_nobody_wakes_before_the_clock_is_moved() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await clock.advance(0.999)

    assert not task.done()

    await clock.advance(0.001)

    assert task.done()
