"""The tree of an expression has the text of each step, in the order in which they are evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from tests.support.access import FixedKeys, make_project

from bongsu.api.access import AccessControl
from bongsu.api.console.routes import routes
from bongsu.api.console.sessions import SessionStore
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.anyio


async def ask(query: str, *, key: bool = True) -> httpx.Response:
    clock, keys = ManualClock(), FixedKeys()
    access = AccessControl(keys, clock, CollectorRegistry())
    text = keys.add(make_project(), "k1")
    app = Starlette(
        routes=routes(
            access=access, sessions=SessionStore(clock), clock=clock, log=structlog.get_logger(), version="1"
        )
    )
    headers = {"X-TC-APP-KEY": text} if key else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://c.test") as client:
        return await client.get("/console/api/tree", params={"query": query}, headers=headers)


def lines(node: Mapping[str, Any], depth: int = 0) -> list[str]:
    """Return the labels of a tree, indented."""
    return [
        f"{'  ' * depth}{node['label']}",
        *(line for child in node["children"] for line in lines(child, depth + 1)),
    ]


async def test_every_step_is_there_with_its_text() -> None:
    tree = (await ask("(sum by (a) (rate(x{b='c'}[5m])) / 2) > bool on (a) topk(3, y)")).json()

    assert [
        ">",
        "  /",
        "    sum by (a)",
        "      rate()",
        '        x{b="c"}[5m]',
        "    2",
        "  topk",
        "    3",
        "    y",
    ] == lines(tree)
    rate = tree["children"][0]["children"][0]["children"][0]
    assert ('rate(x{b="c"}[5m])', False) == (rate["text"], rate["ranged"])
    assert rate["children"][0]["ranged"]


async def test_a_mistake_is_told() -> None:
    answer = await ask("sum(")

    assert (400, "bad-query") == (answer.status_code, answer.json()["error"]["id"])


async def test_an_expression_of_too_many_steps_is_refused() -> None:
    answer = await ask(" + ".join(["1"] * 101))

    assert (400, "the expression has more than 200 steps; ask for a part of it") == (
        answer.status_code,
        answer.json()["error"]["message"],
    )


async def test_it_needs_a_key() -> None:
    assert 401 == (await ask("up", key=False)).status_code
