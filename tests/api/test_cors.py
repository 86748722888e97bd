"""Pages of other origins may call what dashboards call, if the operator allows their origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bongsu.api.cors import Cors
from bongsu.api.dispatch import Dispatcher
from bongsu.api.whole import WholeRequest

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio

GRAFANA = "https://grafana.example"


class Answer:
    """An application that also answers whole requests at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("slow", headers={"Vary": "Accept"})(scope, receive, send)

    def at_once(self, _request: WholeRequest) -> Response | None:
        return PlainTextResponse("quick")


def served(*origins: str) -> Dispatcher:
    paths = ("/prometheus/api/v1/query", "/open/api/tps", "/console/api/session")
    return Dispatcher(Cors(origins).around([Route(path, Answer()) for path in paths]))


async def asked(app: Dispatcher, method: str, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bongsu") as client:
        return await client.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


@pytest.mark.parametrize(
    ("origins", "origin", "expected"),
    [
        (("*",), "https://anything.example", "*"),
        ((GRAFANA,), GRAFANA, GRAFANA),
        ((GRAFANA,), "HTTPS://Grafana.example", "HTTPS://Grafana.example"),
        ((GRAFANA,), "https://grafana.example:8443", None),
        ((GRAFANA,), "http://grafana.example", None),
        ((GRAFANA,), "https://grafana.example.evil.test", None),
        ((GRAFANA,), "null", None),
        (("https://*.example.com",), "https://a.b.example.com", "https://a.b.example.com"),
        (("https://*.example.com",), "https://example.com", None),
        (("https://*.example.com",), "http://a.example.com", None),
        (("https://*.example.com",), "https://evilexample.com", None),
        (("https://*.example.com:3000",), "https://a.example.com:3000", "https://a.example.com:3000"),
        ((), GRAFANA, None),
    ],
)
async def test_an_answer_may_be_read_by_pages_of_the_allowed_origins(
    origins: tuple[str, ...], origin: str, expected: str | None
) -> None:
    for path in ("/prometheus/api/v1/query", "/open/api/tps"):
        answer = await asked(served(*origins), "GET", path, origin=origin)
        assert (200, "slow") == (answer.status_code, answer.text)
        assert expected == answer.headers.get("access-control-allow-origin")
        assert ("Accept" if "*" in origins else "Accept, Origin") == answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_browser_is_told_before_it_calls() -> None:
    asks = {"access_control_request_method": "POST", "access_control_request_headers": "x-whatap-token"}
    good = await asked(served(GRAFANA), "OPTIONS", "/open/api/tps", origin=GRAFANA, **asks)
    bad = await asked(served(GRAFANA), "OPTIONS", "/open/api/tps", origin="https://evil.test", **asks)

    assert (204, GRAFANA, "600") == (
        good.status_code,
        good.headers["access-control-allow-origin"],
        good.headers["access-control-max-age"],
    )
    for name in ("X-WHATAP-TOKEN", "X-TC-APP-KEY", "Authorization", "Content-Type"):
        assert name in good.headers["access-control-allow-headers"]
    assert "GET, POST, OPTIONS" == good.headers["access-control-allow-methods"]
    assert 403 == bad.status_code
    assert (
        "pages of https://evil.test may not call this server; the operator can add the origin to the setting 'server.cors_origins'\n"
        == bad.text
    )
    assert "access-control-allow-origin" not in bad.headers


async def test_other_paths_and_callers_without_an_origin_are_left_alone() -> None:
    console = await asked(served("*"), "GET", "/console/api/session", origin=GRAFANA)
    plain = await asked(served("*"), "GET", "/open/api/tps")

    for answer in (console, plain):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_an_answer_at_once_is_marked_as_every_other() -> None:
    app = served(GRAFANA)

    def at_once(path: str, **headers: str) -> Response:
        response = app.at_once(WholeRequest("GET", path, b"", headers, b""))
        assert isinstance(response, Response)
        return response

    assert GRAFANA == at_once("/open/api/tps", origin=GRAFANA).headers["access-control-allow-origin"]
    assert "access-control-allow-origin" not in at_once("/open/api/tps", origin="https://e.test").headers
    assert "access-control-allow-origin" not in at_once("/open/api/tps").headers
