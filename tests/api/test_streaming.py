from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from bongsu.api.prometheus.endpoint import Endpoint
from bongsu.api.streaming import PartsResponse, coding_of, parts_response
from bongsu.api.threads import in_thread
from bongsu.runtime.compress import ANSWER_CODINGS, decompress, decompress_zstd

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
    ("header", "coding"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5", "gzip"),
        ("gzip;q=0", ""),
        ("*", "gzip"),
        ("*;q=0", ""),
        ("gzip;q=0, *", ""),
        ("gzip;q=x", ""),
        ("deflate", "deflate"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("zstd, gzip;q=0.5", "zstd"),
        ("gzip, zstd;q=0.5", "gzip"),
        ("deflate, gzip", "gzip"),
        ("br", ""),
    ],
)
def test_an_answer_is_compressed_only_as_it_is_accepted(header: str, coding: str) -> None:
    request = Request({**SCOPE, "headers": [(b"accept-encoding", header.encode())]})

    assert coding == coding_of(request)


@pytest.mark.parametrize("coding", ANSWER_CODINGS)
@pytest.mark.parametrize("parts", [1, 40], ids=["whole", "streamed"])
async def test_every_coding_reads_back(coding: str, parts: int) -> None:
    content = [bytes([65 + i]) * 60_000 for i in range(parts)]

    async def handler(_: Request) -> Response:
        return await in_thread(parts_response, iter(content), coding=coding)

    transport = httpx.ASGITransport(Starlette(routes=[Route("/", handler)]))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://t") as client,
        client.stream("GET", "/") as answer,
    ):
        sent = b"".join([part async for part in answer.aiter_raw()])

    read = decompress_zstd(sent, 1 << 23) if coding == "zstd" else decompress(sent, coding, 1 << 23)
    assert (coding, "Accept-Encoding") == (answer.headers["content-encoding"], answer.headers["vary"])
    assert b"".join(content) == read


async def test_small_parts_are_sent_together() -> None:
    """A change of threads for each would take longer than all of them."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    response = parts_response(iter([b"x" * 1000] * 4000))
    await response({**SCOPE}, silence, send)
    bodies = [message["body"] for message in sent if message["type"] == "http.response.body"]

    assert 4_000_000 == sum(map(len, bodies))
    assert 14 == len(bodies)


def test_an_error_before_the_first_megabyte_is_still_an_error() -> None:
    def failing() -> Any:
        yield b"x"
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        parts_response(failing())


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
