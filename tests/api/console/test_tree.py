"""The tree of an expression has the text of each step, in the order in which they are evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.support.people_app import running_people_app

from bongsu.control.database import sqlite_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import httpx
    from tests.support.people_app import PeopleApp

pytestmark = pytest.mark.anyio


@pytest.fixture
def people(tmp_path: Path) -> Iterator[PeopleApp]:
    with running_people_app(sqlite_url(tmp_path / "control.db")) as app:
        yield app


async def ask(people: PeopleApp, query: str, *, key: bool = True) -> httpx.Response:
    text = people.control.keys.create("alpha", name="tree", scopes=["read"]).text
    headers = {"X-TC-APP-KEY": text} if key else {}
    async with people.browser(**headers) as client:
        return await client.get("/console/api/tree", params={"query": query})


def lines(node: Mapping[str, Any], depth: int = 0) -> list[str]:
    """Return the labels of a tree, indented."""
    return [
        f"{'  ' * depth}{node['label']}",
        *(line for child in node["children"] for line in lines(child, depth + 1)),
    ]


async def test_every_step_is_there_with_its_text(people: PeopleApp) -> None:
    tree = (await ask(people, "(sum by (a) (rate(x{b='c'}[5m])) / 2) > bool on (a) topk(3, y)")).json()

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


async def test_a_mistake_is_told(people: PeopleApp) -> None:
    answer = await ask(people, "sum(")

    assert (400, "bad-query") == (answer.status_code, answer.json()["error"]["id"])


async def test_an_expression_of_too_many_steps_is_refused(people: PeopleApp) -> None:
    answer = await ask(people, " + ".join(["1"] * 101))

    assert (400, "the expression has more than 200 steps; ask for a part of it") == (
        answer.status_code,
        answer.json()["error"]["message"],
    )


async def test_it_needs_a_key(people: PeopleApp) -> None:
    assert 401 == (await ask(people, "up", key=False)).status_code
