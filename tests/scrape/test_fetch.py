from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc

import pytest
from tests.support.exporter import TEXT_TYPE, running_exporter
from tests.support.scraping import open_doors

from bongsu.scrape.budget import BodyBudget
from bongsu.scrape.fetch import FetchedBody, fetch
from bongsu.scrape.options import ScrapeOptions
from bongsu.scrape.outcomes import Failure, ScrapeFailed
from bongsu.scrape.reach import ANYWHERE
from bongsu.scrape.targets import ScrapeLimits, ScrapeTarget
from bongsu.storage.memory import MemoryProjectStore
from bongsu.wire.exposition.negotiation import accept_header

pytestmark = pytest.mark.anyio


def target(url: str, *, max_body_bytes: int = 0, headers: tuple[tuple[str, str], ...] = ()) -> ScrapeTarget:
    return ScrapeTarget(
        "t",
        url,
        (),
        MemoryProjectStore(),
        limits=ScrapeLimits(max_body_bytes=max_body_bytes),
        options=ScrapeOptions(http_headers=headers),
        reach=ANYWHERE,
    )


async def fetched(
    url: str, *, max_body_bytes: int = 0, headers: tuple[tuple[str, str], ...] = ()
) -> FetchedBody:
    async with open_doors("Bongsu/test") as doors:
        with BodyBudget().lease() as lease:
            return await fetch(doors, target(url, max_body_bytes=max_body_bytes, headers=headers), lease)


async def failure(url: str, *, max_body_bytes: int = 0) -> tuple[Failure, str, int | None]:
    with pytest.raises(ScrapeFailed) as caught:
        await fetched(url, max_body_bytes=max_body_bytes)
    return caught.value.failure, caught.value.message, caught.value.http_status


async def test_the_request_asks_for_the_formats_and_carries_the_targets_headers() -> None:
    async with running_exporter() as exporter:
        exporter.body = b"a 1\n"
        answer = await fetched(exporter.url("/m?x=1"), headers=(("Authorization", "Bearer s"),))
        assert FetchedBody(b"a 1\n", TEXT_TYPE, 200) == answer
        headers = exporter.requests[0].headers
        assert accept_header() == headers["Accept"]
        assert ("gzip", "Bongsu/test", "10", "Bearer s") == (
            headers["Accept-Encoding"],
            headers["User-Agent"],
            headers["X-Prometheus-Scrape-Timeout-Seconds"],
            headers["Authorization"],
        )
        assert "/m?x=1" == exporter.requests[0].path_qs


async def test_connections_are_kept_between_scrapes() -> None:
    async with running_exporter() as exporter, open_doors() as doors:
        with BodyBudget().lease() as lease:
            for _ in range(3):
                await fetch(doors, target(exporter.url()), lease)
        assert 1 == len(exporter.connections)


async def test_gzip_is_unpacked_and_its_limit_is_that_of_the_content() -> None:
    async with running_exporter() as exporter:
        exporter.body = gzip.compress(b"a 1\n" * 1000)
        exporter.headers["Content-Encoding"] = "gzip"
        assert b"a 1\n" * 1000 == (await fetched(exporter.url(), max_body_bytes=4000)).body
        assert (
            Failure.BODY_LIMIT,
            "the body is larger than 3999 bytes; expose less, or raise the workspace's option 'body_size_limit' or the setting 'scrape.max_body_bytes'",
            200,
        ) == await failure(exporter.url(), max_body_bytes=3999)


async def test_a_decompression_bomb_ends_at_the_limit() -> None:
    async with running_exporter() as exporter:
        exporter.body = gzip.compress(bytes(200 << 20))
        exporter.headers["Content-Encoding"] = "gzip"
        tracemalloc.start()
        assert Failure.BODY_LIMIT is (await failure(exporter.url(), max_body_bytes=1 << 20))[0]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20 << 20


async def test_all_bodies_together_have_a_bound() -> None:
    budget = BodyBudget(10_000)
    async with running_exporter() as exporter, open_doors() as doors:
        exporter.body = b"a 1\n" * 1_500
        with budget.lease() as first, budget.lease() as second:
            await fetch(doors, target(exporter.url()), first)
            with pytest.raises(
                ScrapeFailed, match=r"raise the setting 'scrape\.max_bytes_in_flight'"
            ) as caught:
                await fetch(doors, target(exporter.url()), second)
            assert Failure.OVERLOAD is caught.value.failure
        with budget.lease() as third:
            assert 6_000 == len((await fetch(doors, target(exporter.url()), third)).body)


async def test_damaged_compression_is_said_in_words() -> None:
    async with running_exporter() as exporter:
        exporter.body = b"not gzip at all"
        exporter.headers["Content-Encoding"] = "gzip"
        assert (Failure.CONNECT, "the body ended early or is damaged", None) == await failure(exporter.url())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (503, "HTTP 503 Service Unavailable"),
        (404, "HTTP 404 Not Found"),
        (299, "HTTP 299"),
        (302, "HTTP 302 Found"),
    ],
)
async def test_a_status_other_than_200_is_named(status: int, words: str) -> None:
    async with running_exporter() as exporter:
        exporter.status = status
        assert (Failure.HTTP, words, status) == await failure(exporter.url())


async def test_redirects_are_followed_on_the_same_host_only() -> None:
    async with running_exporter() as moved, running_exporter() as elsewhere:
        moved.body = b"b 1\n"
        moved.redirects = {"/a": "/b?x=1", "/away": elsewhere.url(), "/loop": "/loop"}
        assert b"b 1\n" == (await fetched(moved.url("/a"))).body
        kind, words, status = await failure(moved.url("/away"))
        assert (Failure.REDIRECT, 307) == (kind, status)
        assert "redirects to another host" in words
        assert [] == elsewhere.requests
        assert (Failure.REDIRECT, "more than 5 redirects", None) == await failure(moved.url("/loop"))


async def test_refused_connections_and_unknown_hosts_are_said_in_words() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert (Failure.CONNECT, "connection refused", None) == await failure(f"http://127.0.0.1:{port}/metrics")
    assert (Failure.CONNECT, "host not found", None) == await failure("http://host.invalid/metrics")


async def test_what_is_not_http_is_said_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        async def talk() -> None:
            loop = asyncio.get_running_loop()
            server.setblocking(False)
            connection, _ = await loop.sock_accept(server)
            await loop.sock_sendall(connection, b"SSH-2.0-x\r\n\r\n")
            connection.close()

        talking = asyncio.create_task(talk())
        kind, words, _ = await failure(f"http://127.0.0.1:{server.getsockname()[1]}/")
        await talking
    assert Failure.CONNECT is kind
    assert words.startswith("not a valid HTTP answer: ")
