"""The outermost application, in every phase of the server's life."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bongsu.server.app import Phase, Shell

if TYPE_CHECKING:
    from starlette.requests import Request

pytestmark = pytest.mark.anyio


async def _get(shell: Shell, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shell), base_url="http://test") as client:
        return await client.get(path, headers=headers)


async def _answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("here")


async def test_health_and_metrics_answer_before_the_server_is_ready() -> None:
    registry = CollectorRegistry()
    Counter("visits", "Visits.", registry=registry).inc(3)
    shell = Shell(registry)

    assert 200 == (await _get(shell, "/-/healthy")).status_code
    assert "visits_total 3.0" in (await _get(shell, "/metrics")).text


async def test_everything_else_says_why_it_must_wait() -> None:
    shell = Shell(CollectorRegistry())
    shell.progress = "reading the log"
    for path in ("/-/ready", "/prometheus/api/v1/query"):
        answer = await _get(shell, path)

        assert (503, "false") == (answer.status_code, answer.headers["X-Prometheus-Stopping"])
        assert "reading the log" in answer.text


async def test_routes_open_when_the_server_is_ready() -> None:
    shell = Shell(CollectorRegistry())
    shell.open([Route("/here", _answer)])

    assert "here" == (await _get(shell, "/here")).text
    assert 200 == (await _get(shell, "/-/ready")).status_code
    assert 404 == (await _get(shell, "/elsewhere")).status_code


async def test_a_stopping_server_takes_no_new_requests() -> None:
    shell = Shell(CollectorRegistry())
    shell.open([Route("/here", _answer)])
    shell.phase = Phase.STOPPING
    answer = await _get(shell, "/here")

    assert (503, "true") == (answer.status_code, answer.headers["X-Prometheus-Stopping"])


async def test_metrics_are_negotiated() -> None:
    shell = Shell(CollectorRegistry())
    answer = await _get(shell, "/metrics", accept="application/openmetrics-text; version=1.0.0")

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
