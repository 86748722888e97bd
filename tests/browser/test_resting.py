"""What a page does not ask: panels out of sight rest, and a server that is away is told once while what is shown stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from tests.browser.visitor import in_module
from tests.support.exporters import free_port
from tests.support.process import call

if TYPE_CHECKING:
    from playwright.sync_api import Request
    from tests.browser.visitor import Visitor
    from tests.support.process import ServerProcess, Tenant

pytestmark = [pytest.mark.browser, pytest.mark.process]

PANELS = 30
"""A screen shows two or three of them, and a few more are fetched ahead."""


def tall_layout(server: ServerProcess, tenant: Tenant) -> tuple[str, str]:
    """Keep a layout of many wide panels for a workspace with a target, and return the ids of the workspace and of the layout."""
    job = tenant.sysmon("POST", "jobs", {"jobName": "shop", "metricsPath": "/metrics"})["body"]["jobId"]
    target = {"hostId": server.register_server(tenant, "alpha-7"), "port": free_port()}
    tenant.sysmon("POST", f"jobs/{job}/targets", target)
    panels = [
        {"id": f"p{number}", "title": f"Panel {number}", "kind": "lines", "x": 0, "y": 5 * number, "w": 12, "h": 5,
         "queries": [{"expr": f"vector({number})"}]}
        for number in range(PANELS)
    ]  # fmt: skip
    made = call(
        "POST",
        f"{tenant.url}/console/api/layouts",
        headers={"X-TC-APP-KEY": tenant.appkey},
        body={"name": "Tall", "place": job, "layout": {"panels": panels}},
    )
    assert 201 == made.status, made.text
    return job, made.json()["layoutId"]


def test_panels_out_of_sight_ask_for_nothing_until_they_are_scrolled_to(
    visitor: Visitor, server: ServerProcess
) -> None:
    tenant = server.create_project("tall")
    job, layout = tall_layout(server, tenant)
    visitor.sign_in(tenant)
    asked: set[str] = set()

    def note(sent: Request) -> None:
        if "query_range" in sent.url:  # by its expression: a view that is live asks the same again
            asked.update(parse_qs(sent.post_data or "")["query"])

    visitor.page.on("request", note)
    visitor.open(f"openmetrics/{job}?layout={layout}")
    visitor.page.locator(".plot").first.wait_for()
    visitor.settle()
    seen = len(asked)
    assert 0 < seen < PANELS / 2
    last = visitor.page.locator(".cell-box").last
    assert 0 == last.locator(".plot").count()
    last.scroll_into_view_if_needed()
    last.locator(".plot").wait_for()

    assert seen < len(asked) < PANELS, "what was scrolled past is not asked for either"


def test_a_server_that_is_away_is_told_once_and_what_is_shown_stays(
    visitor: Visitor, server: ServerProcess
) -> None:
    visitor.sign_in(server.first_project)
    page = visitor.page
    visitor.open("explore?g0.expr=vector(1)&g1.expr=vector(2)&refresh=5s")
    page.locator(".plot").nth(1).wait_for()
    page.route("**/prometheus/**", lambda route: route.abort())
    page.get_by_role("status").get_by_text("The server does not answer").wait_for()
    assert 2 == page.locator(".plot").count()
    assert 0 == page.get_by_role("alert").count()
    page.unroute("**/prometheus/**")

    page.get_by_text("The server does not answer").wait_for(state="detached")


def test_servers_at_a_glance_are_told_by_name_the_fullest_first(page: Any) -> None:
    result = """[["t1", "cpu", "12.5"], ["t2", "cpu", "40"], ["t2", "disk", "91"], ["t3", "cpu", "99"]]
        .map(([openmetrics_id, part, value]) => ({ metric: { openmetrics_id, part }, value: [0, value] }))"""
    targets = (
        """[{ targetId: "t1", hostId: "a", hostNm: "web" }, { targetId: "t2", hostId: "b", hostNm: "db" }]"""
    )
    found = in_module(page, "machines.js", f"m.machinesOf({result}, {targets})")

    assert [
        {"hostId": "b", "name": "db", "cpu": 40, "disk": 91},
        {"hostId": "a", "name": "web", "cpu": 12.5},
    ] == found
