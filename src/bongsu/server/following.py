"""Doing something now, after every change, and once in a while for the changes that other processes make."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REFRESH_S = 30.0
"""Changes made by other processes on the same database are noticed within this time; our own are noticed at once."""


async def follow(
    subscribe: Callable[[Callable[[], None]], Callable[[], None]], refresh: Callable[[], object]
) -> None:
    """
    Call `refresh` in a worker thread whenever something changed, until cancelled.

    Parameters
    ----------
    subscribe
        Takes what is to be called after every change, from any thread, and returns a function that ends it.
    """
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wake() -> None:
        loop.call_soon_threadsafe(changed.set)

    unsubscribe = subscribe(wake)
    try:
        while True:
            changed.clear()
            await asyncio.to_thread(refresh)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_S):
                    await changed.wait()
    finally:
        unsubscribe()
