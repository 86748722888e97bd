"""Schedules of requests that run inside one tick of the wall clock, and what came of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bongsu.apm.settings import TICK_MS
from bongsu.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.apm_api import ApmApi

    from bongsu.apm.ticks import Numbers, SealedTick

DEADLINE_S = 90


def wait_for(check: Callable[[], Any], what: str) -> Any:
    """Return the first true result of `check`."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {DEADLINE_S} s")


def now_ms() -> int:
    """Return Unix milliseconds of the machine."""
    return SystemClock().now_ms()


def in_one_tick(run: Callable[[], None]) -> int:
    """Run a schedule early in a tick until it fits into one; return the tick's end."""
    for _ in range(5):
        time.sleep((TICK_MS - now_ms() % TICK_MS + 200) / 1000)
        start = now_ms()
        run()
        if now_ms() // TICK_MS == start // TICK_MS:
            return (start // TICK_MS + 1) * TICK_MS
    raise AssertionError("the machine is too busy for one schedule in five seconds")


def sealed_tick(api: ApmApi, end_ms: int, project: str = "alpha") -> SealedTick:
    """Return one tick when it is sealed."""
    found: SealedTick = wait_for(lambda: api.ticks.get((project, end_ms)), f"the tick of {end_ms}")
    return found


def numbers_when(api: ApmApi, holds: Callable[[Numbers], bool], what: str, project: str = "alpha") -> Numbers:
    """Return the newest numbers as soon as a condition holds; the failure shows the last ones."""
    last: list[Numbers] = []

    def check() -> Numbers | None:
        last[:] = [api.engine.newest(project).numbers]
        return last[0] if holds(last[0]) else None

    try:
        found: Numbers = wait_for(check, what)
    except AssertionError as error:
        raise AssertionError(f"{error}; last: {last}") from None
    return found
