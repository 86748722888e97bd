"""A scrape ends when its time is up, and is otherwise left alone."""

from __future__ import annotations

import asyncio

import pytest

from bongsu.runtime.clock import ManualClock
from bongsu.scrape.loop import within

pytestmark = pytest.mark.anyio

TURNS_OF_TIMER = 4


class TurnsClock(ManualClock):
    """A clock on which every sleep ends after some turns of the event loop."""

    async def sleep(self, seconds: float) -> None:
        """Let others have their turns."""
        await turns(TURNS_OF_TIMER)


async def turns(count: int) -> str:
    for _ in range(count):
        await asyncio.sleep(0)
    return "done"


@pytest.mark.parametrize("count", range(2 * TURNS_OF_TIMER))
async def test_what_comes_after_is_not_ended_however_close_the_time_was(count: int) -> None:
    try:
        result = await within(TurnsClock(), 1, turns(count))
    except TimeoutError:
        result = "late"

    assert "done" == await turns(2 * TURNS_OF_TIMER)
    assert (
        "done" if count < TURNS_OF_TIMER else "late"
    ) == result or TURNS_OF_TIMER <= count <= TURNS_OF_TIMER + 2


async def test_who_is_cancelled_from_outside_is_cancelled_and_not_late() -> None:
    task = asyncio.ensure_future(within(ManualClock(), 1, turns(1_000_000)))
    await turns(2)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_fails_tells_its_own_error() -> None:
    async def failing() -> None:
        raise TimeoutError("the work's own")

    with pytest.raises(TimeoutError, match="the work's own"):
        await within(ManualClock(), 1, failing())
