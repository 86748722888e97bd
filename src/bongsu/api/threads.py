"""The one seam between the event loop and blocking work."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

Parameters = ParamSpec("Parameters")
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
