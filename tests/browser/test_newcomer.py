"""The whole way of a newcomer on a server that has just been started, in both languages and both themes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.browser.visitor import Visitor, opened_visitor
from tests.support.process import call, eventually, running_server
from tests.support.spans import CLIENT, make_span, report_spans

from bongsu.api.console.files import STATIC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page
    from tests.browser.conftest import ToyExporter
    from tests.support.process import ServerProcess, Tenant

pytestmark = [pytest.mark.browser, pytest.mark.process]

SCRAPED_MS = 60_000
"""A target is scraped within its interval of 15 s; a busy machine takes longer."""


class Texts:
    """What the console says in a language; a variable of a text stands for anything."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts: dict[str, str] = json.loads((STATIC / "locales" / f"{language}.json").read_text())

    def __getitem__(self, key: str) -> str:
        return self._texts[key]

    def like(self, key: str) -> re.Pattern[str]:
        """Return a pattern of a text with variables."""
        return re.compile(".*".join(map(re.escape, re.split(r"\{\w+\}", self._texts[key]))))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[ServerProcess]:
    """Start a server that nobody has seen yet: its link is unused and its first project is empty."""
    with running_server(tmp_path / "data") as started:
        yield started


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("ko", "dark")])
def test_from_the_link_to_the_first_graph_and_to_a_span(
    browser: Browser, fresh: ServerProcess, exporter: ToyExporter, language: str, theme: str
) -> None:
    with opened_visitor(browser, fresh.url, locale="ko-KR" if language == "ko" else "en-US") as visitor:
        walk(visitor, fresh, exporter, say=Texts(language), theme=theme)


def walk(visitor: Visitor, fresh: ServerProcess, exporter: ToyExporter, *, say: Texts, theme: str) -> None:
    tenant = fresh.first_project
    page = visitor.page
    link = next(found.group() for line in fresh.output if (found := re.search(r"http\S+\?once=\S+", line)))
    page.goto(f"{link}&theme={theme}")
    page.get_by_role("heading", name=say["home.wrong"]).wait_for()
    assert (say.language, theme) == (
        page.locator("html").get_attribute("lang"),
        page.locator("html").get_attribute("data-theme"),
    )

    add_server_as_the_page_says(page, fresh, say)
    exporter.status = 503
    add_workspace_and_target(page, say, exporter.port)
    # The first page names what fails and why, and leads to where it is mended.
    page.get_by_role("link", name=say["nav.home"]).first.click()
    fault = page.locator(".faults").get_by_role("row").filter(has_text=f":{exporter.port}")
    fault.get_by_text("HTTP 503").wait_for(timeout=SCRAPED_MS)
    assert any(say["check.query"] in step for step in open_steps(page))
    fault.get_by_role("link", name=say["home.mend"]).click()
    exporter.status = 200
    targets = page.locator(".targets").get_by_role("row").filter(has_text="web-1")
    targets.get_by_text(say["target.state.ok"]).wait_for(timeout=SCRAPED_MS)

    ask(page, say, "toy_orders_total")
    other = visitor.context.new_page()
    other.goto(visitor.address())
    other.locator(".legend").get_by_text('job="shop"').wait_for()
    other.close()
    page.get_by_role("link", name=say["nav.home"]).first.click()
    page.get_by_role("row", name="shop").get_by_text(say["target.state.ok"]).wait_for()
    # What is left is not of this journey: the link that was followed may still make the first account.
    assert [say["check.account"]] == [text.partition("–")[0].strip() for text in open_steps(page)]

    trace = report_payment(tenant)
    eventually(lambda: tenant.number("act_agent") == 1, what="the first sealed tick")
    look_at_its_spans(page, say, trace)
    assert [] == visitor.problems


def add_server_as_the_page_says(page: Page, server: ServerProcess, say: Texts) -> None:
    """Do what the line on the page does: a person pastes it into a shell where the admin token is."""
    page.get_by_role("link", name=say["nav.servers"]).first.click()
    line = page.locator("pre.snippet").inner_text()
    url, body = re.search(r"POST '([^']+)'", line), re.search(r"-d '([^']+)'", line)
    assert url is not None
    assert body is not None
    given = {**json.loads(body[1]), "svrIp": "127.0.0.1"}
    assert 201 == call("POST", url[1], headers=server.admin_headers, body=given).status


def add_workspace_and_target(page: Page, say: Texts, port: int) -> None:
    page.get_by_role("link", name="OpenMetrics").click()
    page.get_by_role("button", name=say["action.add"], exact=True).click()
    page.get_by_role("dialog").get_by_label(say["workspaces.name"]).fill("shop")
    page.get_by_role("dialog").get_by_role("button", name=say["action.save"]).click()
    page.get_by_text(say["targets.noneHere"]).wait_for()
    page.get_by_role("button", name=say["targets.add"]).last.click()
    page.get_by_label(say["targets.port"]).first.fill(str(port))
    page.get_by_label("web-1").check()
    page.get_by_role("dialog").get_by_role("button", name=say.like("targets.addCount")).click()
    page.locator(".targets").get_by_role("row").filter(has_text="web-1").wait_for()


def open_steps(page: Page) -> list[str]:
    """Return the steps of the checklist that wait to be done. It is shown when all that it depends on is known."""
    page.locator(".checklist").wait_for()
    return page.locator(".checklist .open > span").all_inner_texts()


def ask(page: Page, say: Texts, expression: str) -> None:
    """Ask in Explore and wait for the answer."""
    page.get_by_role("link", name=say["nav.explore"], exact=True).first.click()
    page.get_by_label(say["explore.expression"]).fill(expression)
    page.keyboard.press("Escape")
    page.get_by_role("button", name=say["explore.run"]).click()
    page.locator(".legend").get_by_text('job="shop"').wait_for()


def report_payment(tenant: Tenant) -> str:
    """Report a slow transaction that failed in a call of its own, and return its trace."""
    failed = {"code": 2, "message": "card refused"}
    root = make_span("POST /pay", 2_400, status=failed)
    trace: str = root["traceId"]
    inner = make_span(
        "POST bank.test", 2_100, kind=CLIENT, traceId=trace, parentSpanId=root["spanId"], status=failed
    )
    report_spans(tenant, [root, inner], service="pay")
    return trace


def look_at_its_spans(page: Page, say: Texts, trace: str) -> None:
    page.get_by_role("link", name=say["nav.realtime"]).first.click()
    hit_map = page.locator("section").filter(has=page.get_by_role("heading", name=say["hitmap.title"]))
    hit_map.get_by_text(f"{say['hitmap.failed']} 1").wait_for(timeout=SCRAPED_MS)
    drag_a_box(page, hit_map.locator("canvas"))
    found = page.get_by_role("dialog").get_by_role("row").filter(has_text=trace)
    found.get_by_role("button").click()
    page.locator(".spans").get_by_text("POST bank.test").wait_for()
    page.locator(".spans").get_by_text("2.1 s").wait_for()
    page.keyboard.press("Escape")


def drag_a_box(page: Page, canvas: Locator) -> None:
    """Box what took more than a fifth of the scale."""
    canvas.scroll_into_view_if_needed()
    area = canvas.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 60, area["y"] + 4)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] - 2, area["y"] + area["height"] * 0.75, steps=4)
    page.mouse.up()
