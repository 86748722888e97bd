"""Dispatch by path gives what Starlette's own routing gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from bongsu.api.dispatch import Dispatcher

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

pytestmark = pytest.mark.anyio


def _says(text: str, path: str, **options: list[str]) -> Route:
    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{text} {request.path_params}")

    return Route(path, answer, methods=options.get("methods", ["GET"]))


_ROUTES = [
    _says("a", "/a"),
    _says("second a", "/a"),
    _says("a by post", "/a", methods=["POST"]),
    _says("any", "/x/{rest:path}"),
    _says("hidden behind the one before", "/x/y"),
    _says("number", "/n/{number:int}"),
    _says("word", "/n/{word}"),
]


async def _ask(app: ASGIApp, method: str, path: str) -> tuple[int, str]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.request(method, path)
    return answer.status_code, answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT"])
@pytest.mark.parametrize("path", ["/a", "/a/", "/x/y", "/x/y/z", "/n/5", "/n/five", "/n/", "/elsewhere", "/"])
async def test_the_route_is_the_one_that_starlette_chooses(method: str, path: str) -> None:
    expected = await _ask(Starlette(routes=_ROUTES), method, path)

    assert expected == await _ask(Dispatcher(_ROUTES), method, path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("//a", (200, "a {}")),
        ("/n///5", (200, "number {'number': 5}")),
        ("/x//y", (200, "any {'rest': '/y'}")),
        ("//elsewhere", (404, "Not Found")),
    ],
)
async def test_slashes_that_are_doubled_count_as_one_where_they_mean_nothing(
    path: str, expected: tuple[int, str]
) -> None:
    assert expected == await _ask(Dispatcher(_ROUTES), "GET", f"http://test{path}")


async def test_beside_a_mount_the_order_of_all_routes_counts() -> None:
    routes: list[BaseRoute] = [Mount("/m", routes=[_says("inside", "/a")]), _says("outside", "/m/a")]

    assert (200, "inside {}") == await _ask(Dispatcher(routes), "GET", "/m/a")
