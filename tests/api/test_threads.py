from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import anyio.to_thread
import pytest

from bongsu.api.threads import GroupLane, Lane, in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Held:
    """Work that waits until it is let go, and keeps the groups that it was given."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, jobs: Sequence[int]) -> list[int | BaseException]:
        self.groups.append([*jobs])
        self.begun.set()
        self.go.wait(10)
        return [ValueError("odd") if job % 2 else job * 10 for job in jobs]


async def test_jobs_that_wait_are_worked_as_a_group_and_answered_one_by_one() -> None:
    work = Held()
    lane: GroupLane[int, int] = GroupLane(work, threads=1, most=3)
    first = asyncio.create_task(lane.run(2))
    await asyncio.to_thread(work.begun.wait, 10)
    others = [asyncio.create_task(lane.run(job)) for job in (4, 5, 6, 8)]
    await asyncio.sleep(0)
    work.go.set()
    assert 20 == await first
    results = await asyncio.gather(*others, return_exceptions=True)
    assert [40, 60, 80] == [result for result in results if not isinstance(result, BaseException)]
    assert "odd" == str(results[1])
    assert [[2], [4, 5, 6], [8]] == work.groups


async def test_work_that_fails_is_the_error_of_its_whole_group() -> None:
    def fail(jobs: Sequence[int]) -> list[int]:
        raise RuntimeError(f"{len(jobs)} jobs")

    lane: GroupLane[int, int] = GroupLane(fail, threads=2, most=4)
    for _ in range(2):  # the thread goes on
        with pytest.raises(RuntimeError, match="1 jobs"):
            await lane.run(1)


async def test_a_caller_who_goes_away_leaves_the_others_their_results() -> None:
    work = Held()
    lane: GroupLane[int, int] = GroupLane(work, threads=1, most=4)
    gone = asyncio.create_task(lane.run(2))
    await asyncio.to_thread(work.begun.wait, 10)
    stays = asyncio.create_task(lane.run(4))
    await asyncio.sleep(0)
    gone.cancel()
    work.go.set()
    assert 40 == await stays
    assert [[2], [4]] == work.groups
