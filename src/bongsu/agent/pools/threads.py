"""
Worker threads: how many are busy, and how much work waits for one.

ThreadPoolExecutor (also gunicorn's ``gthread``, asyncio's and asgiref's executors), anyio's thread limiter (Starlette, FastAPI),
waitress, and gunicorn's ``sync`` worker, whose one thread is the worker itself and whose queue is the listening socket's.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from bongsu.agent.pools.watch import Watched, read_each, watch_constructor, wrap_when_imported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UNACKED = struct.Struct("=24xI")
"""Of Linux' ``struct tcp_info``: eight bytes, four times, then ``tcpi_unacked``: of a listening socket its accept queue."""


class PoolUse(NamedTuple):
    """Busy threads and waiting work of the pools of one kind."""

    pool: str
    active: int
    queued: int


class ThreadPools:
    """
    The thread pools of this process; safe from any thread.

    Parameters
    ----------
    reads_backlog
        Tells whether this process reports the accept queue of a socket that it shares with its siblings: one of them must.
    """

    def __init__(self, reads_backlog: Callable[[], bool] = lambda: True) -> None:
        self._reads_backlog = reads_backlog
        self._executors = Watched()
        self._limiters = Watched()
        self._dispatchers = Watched()
        self._sync_workers = Watched()
        self._running: set[int] = set()
        self._handling: set[int] = set()

    def watch(self) -> None:
        """Wrap the libraries, now or when they are imported."""
        watch_constructor("concurrent.futures.thread", "ThreadPoolExecutor", self._executors)
        # The executor's own counter of idle threads is no help: it grows while work waits.
        wrap_when_imported("concurrent.futures.thread", "_WorkItem.run", _noting(self._running))
        watch_constructor("anyio._backends._asyncio", "CapacityLimiter", self._limiters)
        watch_constructor("waitress.task", "ThreadedTaskDispatcher", self._dispatchers)
        watch_constructor("gunicorn.workers.sync", "SyncWorker", self._sync_workers)
        wrap_when_imported("gunicorn.workers.sync", "SyncWorker.handle_request", _noting(self._handling))

    def uses(self) -> Iterator[PoolUse]:
        """Yield the use of every kind of pool that there is."""
        queued = list(read_each(self._executors, _queued))
        if queued:
            yield PoolUse("ThreadPoolExecutor", len(self._running), sum(queued))
        yield from _sum("anyio", read_each(self._limiters, _limiter))
        yield from _sum("waitress", read_each(self._dispatchers, _dispatcher))
        yield from self._sync()

    def forget_running(self) -> None:
        """Drop what the parent was running: its threads are not in the child."""
        self._running.clear()
        self._handling.clear()

    def _sync(self) -> Iterator[PoolUse]:
        # A worker that was forked later knows its elder siblings too; all of them share the listening sockets.
        backlogs = list(read_each(self._sync_workers, lambda worker: sum(map(accept_queue, worker.sockets))))
        if backlogs:
            yield PoolUse("gunicorn", len(self._handling), max(backlogs) if self._reads_backlog() else 0)


def _noting(running: set[int]) -> Callable[..., Any]:
    """Return a wrapper that notes the objects whose method runs."""

    def run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        running.add(id(instance))
        try:
            return wrapped(*args, **kwargs)
        finally:
            running.discard(id(instance))

    return run


def _queued(executor: Any) -> int:
    # An executor that is shut down has an entry in its queue that tells the threads so.
    return max(0, int(executor._work_queue.qsize()) - bool(executor._shutdown))  # noqa: SLF001 - there is no public reading


def _limiter(limiter: Any) -> tuple[int, int]:
    return len(limiter._borrowers), len(limiter._wait_queue)  # noqa: SLF001 - its statistics() may be called on the loop only


def _dispatcher(dispatcher: Any) -> tuple[int, int]:
    return dispatcher.active_count, len(dispatcher.queue)


def _sum(pool: str, read: Iterator[tuple[int, int]]) -> Iterator[PoolUse]:
    uses = list(read)
    if uses:
        yield PoolUse(pool, sum(active for active, _ in uses), sum(queued for _, queued in uses))


def accept_queue(listener: Any) -> int:
    """Return how many connections wait to be accepted on a listening TCP socket of Linux; 0 where that cannot be told."""
    raw = getattr(listener, "sock", listener)
    with contextlib.suppress(OSError, AttributeError, struct.error):
        info = raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED.size)
        return int(_UNACKED.unpack(info)[0])
    return 0
