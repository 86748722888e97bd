"""A page that is left open holds no more after hundreds of refreshes than after the first ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from benchmarks.console.left_open import HURRY
from benchmarks.console.tab import Tab

if TYPE_CHECKING:
    from playwright.sync_api import Request
    from tests.browser.visitor import Visitor
    from tests.support.process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.process]

SETTLED, AFTER = 50, 250
"""Refreshes after which the heap is read."""

MOST_GROWTH = 5_000_000
"""Bytes; a page whose renderings held on to the ones before grew by 20 million."""


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
        return tab.heap_bytes()

    visitor.page.add_init_script(HURRY)
    visitor.sign_in(server.first_project)
    session = visitor.context.new_cdp_session(visitor.page)
    tab = Tab(visitor.context, visitor.page, session, server.url)
    visitor.page.on("requestfinished", note)
    visitor.open("status")

    settled = held_after(SETTLED)

    assert held_after(AFTER) - settled < MOST_GROWTH
