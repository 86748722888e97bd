"""A page that is left open holds no more after hundreds of refreshes than after the first ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Request
    from tests.browser.visitor import Visitor
    from tests.support.process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.process]

HURRY = """
const wait = window.setTimeout;
window.setTimeout = (work, ms = 0, ...rest) => wait(work, ms >= 1000 ? ms / 400 : ms, ...rest);
"""
"""What refreshes every quarter of a minute does so as fast as it is answered."""

SETTLED, AFTER = 50, 250
"""Refreshes after which the heap is read."""

MOST_GROWTH = 5_000_000
"""Bytes; a page whose renderings held on to the ones before grew by 20 million."""


def _held(session: CDPSession) -> int:
    for _ in range(3):  # what the first finds to be dead may free more
        session.send("HeapProfiler.collectGarbage")
    used: int = session.send("Runtime.getHeapUsage")["usedSize"]
    return used


def test_the_page_of_the_store_holds_no_rendering_but_its_last(
    visitor: Visitor, server: ServerProcess
) -> None:
    refreshes = 0

    def note(answered: Request) -> None:
        nonlocal refreshes
        refreshes += "status/tsdb" in answered.url

    def held_after(count: int) -> int:
        deadline = time.monotonic() + 120
        while refreshes < count:
            assert time.monotonic() < deadline, f"{refreshes} of {count} refreshes"
            visitor.page.wait_for_timeout(100)
        return min(_held(session) for _ in range(5))

    visitor.page.add_init_script(HURRY)
    visitor.sign_in(server.first_project)
    session = visitor.page.context.new_cdp_session(visitor.page)
    visitor.page.on("requestfinished", note)
    visitor.open("status")

    settled = held_after(SETTLED)

    assert held_after(AFTER) - settled < MOST_GROWTH
