"""The one seam between the event loop and blocking work."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Parameters = ParamSpec("Parameters")
Job = TypeVar("Job")
Result = TypeVar("Result")


async def in_thread(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """
    Run a blocking function in a worker thread and return its result.

    A thread cannot be stopped: when the caller is cancelled, the function still runs to its end, so that a transaction or a lock
    that it holds is always finished, and its result is dropped.
    """
    return await anyio.to_thread.run_sync(functools.partial(function, *args, **kwargs))


class Lane:
    """
    Worker threads set aside for one kind of short work.

    Writes wait for the disk and queries for each other in the threads that all share; a key check must not wait behind them.
    """

    def __init__(self, threads: int) -> None:
        self._limiter = anyio.CapacityLimiter(threads)

    async def run(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """Run a blocking function as `in_thread` does, in a thread of this lane."""
        call = functools.partial(function, *args, **kwargs)
        return await anyio.to_thread.run_sync(call, limiter=self._limiter)


class GroupLane(Generic[Job, Result]):
    """
    Worker threads that take all jobs that wait at once: what jobs can share is then done once for them.

    A change of threads, and of whoever holds Python's lock, costs as much as the decoding of a request; under load a group of jobs pays
    for two of them. Belongs to one event loop.

    Parameters
    ----------
    work
        Returns the result of each job, or its error, in their order. What it raises is the error of all.
    threads
        Groups that are worked at the same time.
    most
        Jobs of one group, so that none waits for long ones.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Job]], Sequence[Result | BaseException]],
        *,
        threads: int,
        most: int,
    ) -> None:
        self._work = work
        self._threads = threads
        self._most = most
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lane")
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Job, asyncio.Future[Result]]] = deque()
        self._busy = 0

    async def run(self, job: Job) -> Result:
        """Return the result of a job. When the caller is cancelled, the job is still done to its end, and its result is dropped."""
        return await self.submit(job)

    def submit(self, job: Job) -> asyncio.Future[Result]:
        """Return the coming result of a job; for callers in the event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        with self._lock:
            self._waiting.append((job, future))
            # One more thread for one job would only take it away from the group of the next one.
            needed = not self._busy or (self._busy < self._threads and len(self._waiting) > 1)
            self._busy += needed
        if needed:
            self._pool.submit(self._drain, loop)
        return future

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            with self._lock:
                group = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                if not group:
                    self._busy -= 1
                    return
            try:
                results = self._work([job for job, _ in group])
            except BaseException as error:  # noqa: BLE001 - it belongs to those who wait
                results = [error] * len(group)
            loop.call_soon_threadsafe(_deliver, [future for _, future in group], results)


def _deliver(futures: Sequence[asyncio.Future[Result]], results: Sequence[Result | BaseException]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.done():
            continue  # its caller went away
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
