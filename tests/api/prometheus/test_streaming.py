from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from starlette.requests import Request

from bongsu.api.prometheus.endpoint import Endpoint
from bongsu.api.prometheus.streaming import PartsResponse, accepts_gzip, parts_response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

pytestmark = pytest.mark.anyio

SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"spec_version": "2.4"},
    "method": "GET",
    "path": "/",
    "query_string": b"",
    "headers": [],
}


async def silence() -> Any:
    """Wait for a client that sends nothing more."""
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=x", False),
        ("deflate", False),
    ],
)
def test_gzip_is_used_only_where_it_is_accepted(header: str, accepted: bool) -> None:
    request = Request({**SCOPE, "headers": [(b"accept-encoding", header.encode())]})

    assert accepted == accepts_gzip(request)


def test_an_error_before_the_first_megabyte_is_still_an_error() -> None:
    def failing() -> Any:
        yield b"x"
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        parts_response(failing(), gzip=False)


async def test_a_stalled_client_loses_its_answer_and_nothing_hangs() -> None:
    made = 0
    sent: list[str] = []

    async def parts() -> AsyncIterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield b"x" * 1000

    async def handler(_: Request) -> Response:
        return PartsResponse(parts(), media_type="text/plain", stall_timeout_s=0.02)

    async def send(message: Any) -> None:
        sent.append(message["type"])
        if len(sent) == 3:
            await asyncio.Event().wait()

    async with asyncio.timeout(30):
        await Endpoint({"GET": handler}, structlog.get_logger())(SCOPE, silence, send)

    assert ["http.response.start", "http.response.body", "http.response.body"] == sent
    assert 2 == made
