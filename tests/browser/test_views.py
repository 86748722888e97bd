"""Every view in both languages and both themes: nothing fails, nothing leaves for another host, nothing overflows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from tests.browser.visitor import Visitor
    from tests.support.process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.process]

VIEWS = [
    "",
    "realtime",
    "openmetrics",
    "servers",
    "explore?g0.expr=vector(1)",
    "status",
    "settings",
    "no-such-view",
]


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("ko", "dark")])
def test_every_view_is_clean(visitor: Visitor, server: ServerProcess, language: str, theme: str) -> None:
    visitor.sign_in(server.first_project)
    for view in VIEWS:
        visitor.open(f"{view}{'&' if '?' in view else '?'}lang={language}&theme={theme}")
        visitor.settle()
        root = visitor.page.locator("html")
        assert (language, theme) == (root.get_attribute("lang"), root.get_attribute("data-theme"))
        # A key that has no text is shown as the key itself.
        assert not visitor.page.evaluate(
            r"/\b[a-z]+\.[a-zA-Z]+\b(?=\s|$)/.test(document.querySelector('nav').innerText)"
        )

    assert [] == visitor.problems
    assert {urlsplit(visitor.url).netloc} == visitor.hosts


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_no_view_is_wider_than_its_window(visitor: Visitor, server: ServerProcess, width: int) -> None:
    visitor.sign_in(server.first_project)
    visitor.page.set_viewport_size({"width": width, "height": 900})
    for view in VIEWS:
        visitor.open(view)
        visitor.settle()
        wide = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, view


def test_the_choice_of_language_and_theme_lasts(visitor: Visitor, server: ServerProcess) -> None:
    visitor.sign_in(server.first_project)
    visitor.open("settings")
    visitor.page.get_by_role("button", name="한국어").click()
    visitor.page.get_by_role("button", name="어둡게").click()
    visitor.open()

    visitor.page.get_by_role("heading", name="지금 문제가 있는 곳").wait_for()
    assert "dark" == visitor.page.locator("html").get_attribute("data-theme")


def test_a_paused_view_asks_nothing(visitor: Visitor, server: ServerProcess) -> None:
    visitor.sign_in(server.first_project)
    visitor.page.clock.install()
    visitor.open("explore?g0.expr=vector(1)&refresh=5s")
    visitor.page.locator(".plot").wait_for()
    visitor.page.keyboard.press("Escape")
    visitor.page.get_by_role("button", name="Pause (space)").click()
    visitor.page.get_by_role("button", name="Go on (space)").wait_for()
    asked: list[str] = []
    visitor.page.on("request", lambda sent: asked.append(sent.url))
    visitor.page.clock.run_for(60_000)  # of the page's clock: twelve intervals pass at once
    # What the timers asked for is told before this, which is asked after it.
    visitor.page.evaluate("fetch('/-/healthy').then((answer) => answer.status)")

    assert [f"{visitor.url}/-/healthy"] == asked
