from __future__ import annotations

import asyncio
import threading

import anyio.to_thread
import pytest

from bongsu.api.threads import Lane, in_thread

pytestmark = pytest.mark.anyio


async def test_blocking_work_runs_beside_the_loop() -> None:
    thread = await in_thread(threading.current_thread)

    assert thread is not threading.current_thread()


async def test_errors_and_results_come_back() -> None:
    def divide(a: int, *, by: int) -> float:
        return a / by

    assert 2 == await in_thread(divide, 4, by=2)
    with pytest.raises(ZeroDivisionError):
        await in_thread(divide, 4, by=0)


async def test_the_work_of_a_cancelled_caller_runs_to_its_end() -> None:
    started, finish, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        finish.wait(10)
        done.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(started.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    finish.set()
    assert await asyncio.to_thread(done.wait, 10)


async def test_a_lane_does_not_wait_behind_the_threads_that_all_share() -> None:
    started, finish = threading.Semaphore(0), threading.Event()

    def block() -> None:
        started.release()
        finish.wait(30)

    shared = int(anyio.to_thread.current_default_thread_limiter().total_tokens)
    blocked = [asyncio.create_task(in_thread(block)) for _ in range(shared)]
    lane = Lane(1)
    for _ in blocked:
        await lane.run(started.acquire)
    answer = await lane.run(lambda: 5)
    finish.set()
    await asyncio.gather(*blocked)

    assert 5 == answer
