"""Nothing serious for who does not see, or has no mouse: every view and the dialogs, in both themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.axe import violations
from tests.support.process import eventually
from tests.support.spans import make_span, report_spans

if TYPE_CHECKING:
    from tests.browser.visitor import Visitor
    from tests.support.process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.process]

VIEWS = [
    "",
    "realtime",
    "realtime?map=cells",
    "openmetrics",
    "servers",
    "explore?g0.expr=up",
    "explore?g0.expr=sum(up)&g0.tab=explain",
    "explore?g0.expr=up&g0.tab=table",
    "status",
    "settings",
    "no-such-view",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_view_has_a_serious_fault(visitor: Visitor, server: ServerProcess, axe: str, theme: str) -> None:
    tenant = server.first_project
    spans = [make_span("GET /", 40), make_span("GET /slow", 2_400, status={"code": 2, "message": "refused"})]
    report_spans(tenant, spans)
    eventually(lambda: tenant.number("act_agent") == 1, what="the first sealed tick")
    visitor.sign_in(tenant)
    found = {}
    for view in VIEWS:
        visitor.open(f"{view}{'&' if '?' in view else '?'}theme={theme}")
        visitor.settle()
        found[view] = violations(visitor.page, axe)

    assert {view: [] for view in VIEWS} == found


def test_the_dialogs_have_none_either(visitor: Visitor, server: ServerProcess, axe: str) -> None:
    visitor.sign_in(server.first_project)
    page = visitor.page
    page.get_by_role("button", name="URL & Appkey").click()
    page.get_by_role("dialog").get_by_text("projectId").wait_for()
    assert [] == violations(page, axe)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()

    assert [] == violations(page, axe)
