"""Targets behind OAuth 2.0 and behind a proxy: real servers on this machine for all three."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from tests.support.exporter import running_exporter
from tests.support.scraping import Names, open_doors

from bongsu.model.errors import InvalidInput
from bongsu.runtime.clock import ManualClock
from bongsu.scrape.budget import BodyBudget
from bongsu.scrape.fetch import Doors, fetch
from bongsu.scrape.options import MASK, checked_options, merged_options, read_options, shown_options
from bongsu.scrape.outcomes import Failure, ScrapeFailed
from bongsu.scrape.proxy import goes_direct
from bongsu.scrape.reach import ANYWHERE, Reach
from bongsu.scrape.targets import ScrapeTarget
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


async def body_of(doors: Doors, url: str, options: dict[str, Any], reach: Reach = ANYWHERE) -> bytes:
    target = ScrapeTarget("t", url, (), MemoryProjectStore(), options=read_options(options), reach=reach)
    with BodyBudget().lease() as lease:
        return (await fetch(doors, target, lease)).body


class TokenServer:
    """Gives out numbered tokens, for credentials where it wants them."""

    def __init__(self) -> None:
        self.port = 0
        self.in_header = True
        self.answer: dict[str, Any] = {"expires_in": 60}
        self.forms: list[dict[str, list[str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    async def give(self, request: web.Request) -> web.Response:
        form = parse_qs(await request.text())
        self.forms.append(form)
        basic = "Basic " + b64encode(b"me:s%2Fecret").decode()
        good = request.headers.get("Authorization") == basic if self.in_header else "client_secret" in form
        if not good:
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response({"access_token": f"token{len(self.forms)}", **self.answer})


@contextlib.asynccontextmanager
async def running_tokens() -> AsyncIterator[TokenServer]:
    server = TokenServer()
    application = web.Application()
    application.router.add_post("/token", server.give)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


def oauth(server: TokenServer, **more: Any) -> dict[str, Any]:
    return {"oauth2": {"client_id": "me", "client_secret": "s/ecret", "token_url": server.url, **more}}


async def test_a_token_is_asked_for_once_and_again_before_it_ends() -> None:
    clock = ManualClock()
    async with running_exporter() as exporter, running_tokens() as tokens, open_doors(clock=clock) as doors:
        exporter.body = b"a 1\n"
        options = oauth(tokens, scopes=["metrics", "read"], endpoint_params={"audience": "x"})
        for _ in range(2):
            assert b"a 1\n" == await body_of(doors, exporter.url(), options)
        await clock.advance(51.0)
        await body_of(doors, exporter.url(), options)
        sent = [request.headers["Authorization"] for request in exporter.requests]
        assert ["Bearer token1", "Bearer token1", "Bearer token2"] == sent
        assert {
            "grant_type": ["client_credentials"],
            "scope": ["metrics read"],
            "audience": ["x"],
        } == tokens.forms[0]


async def test_many_targets_share_one_token() -> None:
    async with running_exporter() as exporter, running_tokens() as tokens, open_doors() as doors:
        exporter.body = b"a 1\n"
        await asyncio.gather(*(body_of(doors, exporter.url(f"/{i}"), oauth(tokens)) for i in range(5)))
        assert 1 == len(tokens.forms)


async def test_credentials_go_into_the_form_where_the_header_is_refused() -> None:
    async with running_exporter() as exporter, running_tokens() as tokens, open_doors() as doors:
        exporter.body, tokens.in_header = b"a 1\n", False
        await body_of(doors, exporter.url(), oauth(tokens))
        assert ["s/ecret"] == tokens.forms[1]["client_secret"]


async def test_a_token_that_the_target_refuses_is_asked_for_anew() -> None:
    async with running_exporter() as exporter, running_tokens() as tokens, open_doors() as doors:
        exporter.status = 401
        for _ in range(2):
            with pytest.raises(ScrapeFailed, match="HTTP 401"):
                await body_of(doors, exporter.url(), oauth(tokens))
        assert 2 == len(tokens.forms)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"access_token": ""}, "no access_token in the answer"),
        ({"access_token": "a\r\nb"}, "not one line of text"),
        ({"access_token": 5}, "no access_token"),
    ],
)
async def test_a_server_without_a_good_token_fails_the_scrape_in_words(
    answer: dict[str, Any], words: str
) -> None:
    async with running_exporter() as exporter, running_tokens() as tokens, open_doors() as doors:
        tokens.answer = answer
        with pytest.raises(ScrapeFailed, match=words) as caught:
            await body_of(doors, exporter.url(), oauth(tokens))
        assert Failure.TOKEN is caught.value.failure
        assert [] == exporter.requests


async def test_wrong_credentials_say_what_the_server_said() -> None:
    async with running_exporter() as exporter, running_tokens() as tokens, open_doors() as doors:
        wrong = {"oauth2": {"client_id": "me", "client_secret": "", "token_url": tokens.url}}
        tokens.answer = {}
        tokens.in_header = True
        with pytest.raises(ScrapeFailed, match="invalid_client"):
            await body_of(doors, exporter.url(), wrong)


async def test_the_tokens_server_and_the_proxy_are_within_the_targets_reach() -> None:
    async with running_tokens() as tokens, open_doors(resolve=Names(far_example=["203.0.113.9"])) as doors:
        proxy = {"proxy_url": f"http://127.0.0.1:{tokens.port}"}
        for options in (oauth(tokens), proxy):
            with pytest.raises(ScrapeFailed) as caught:
                await body_of(doors, "http://far.example/m", options, Reach())
            assert Failure.NOT_ALLOWED is caught.value.failure
        assert [] == tokens.forms


class Proxy:
    """A forwarding proxy that leads every host to one port of this machine."""

    def __init__(self, leads_to: int) -> None:
        self._leads_to = leads_to
        self.port = 0
        self.heads: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        if "proxy-authorization: basic dTpw".lower() not in head.lower():
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        else:
            onward, back = await asyncio.open_connection("127.0.0.1", self._leads_to)
            back.write(head.replace("http://far.example", "", 1).encode())
            writer.write(await onward.readuntil(b"\r\n\r\n") + await onward.read(4))
            back.close()
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def running_proxy(leads_to: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(leads_to)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()


async def test_a_target_is_asked_through_the_proxy_which_finds_its_address() -> None:
    names = Names()
    async with running_exporter() as exporter, running_proxy(exporter.port) as proxy:
        exporter.body = b"a 1\n"
        options = {"proxy_url": f"http://u:p@127.0.0.1:{proxy.port}"}
        async with open_doors(resolve=names) as doors:
            assert b"a 1\n" == await body_of(doors, "http://far.example/m", options)
        assert "far.example" == exporter.requests[0].headers["Host"]
        assert "Proxy-Authorization" in proxy.heads[0]
        assert [] == names.asked


async def test_a_proxy_that_refuses_is_named() -> None:
    async with running_exporter() as exporter, running_proxy(exporter.port) as proxy, open_doors() as doors:
        with pytest.raises(ScrapeFailed, match="HTTP 407"):
            await body_of(doors, "http://far.example/m", {"proxy_url": f"http://127.0.0.1:{proxy.port}"})
        with pytest.raises(ScrapeFailed, match="proxy: HTTP 407"):
            await body_of(doors, "https://far.example/m", {"proxy_url": f"http://127.0.0.1:{proxy.port}"})
        assert proxy.heads[1].startswith("CONNECT far.example:443 ")


async def test_hosts_of_no_proxy_are_asked_directly() -> None:
    async with running_exporter() as exporter, open_doors() as doors:
        exporter.body = b"a 1\n"
        options = {"proxy_url": "http://127.0.0.1:1", "no_proxy": "10.0.0.0/8, 127.0.0.1"}
        assert b"a 1\n" == await body_of(doors, exporter.url(), options)
        with pytest.raises(ScrapeFailed, match="proxy: connection refused"):
            await body_of(doors, exporter.url(), {"proxy_url": "http://127.0.0.1:1"})


@pytest.mark.parametrize(
    ("host", "port", "exceptions", "direct"),
    [
        ("a.example", 80, ("example",), True),
        ("example", 80, ("example",), True),
        ("example", 80, (".example",), False),
        ("a.example", 80, ("*.example",), True),
        ("badexample", 80, ("example",), False),
        ("10.1.2.3", 80, ("10.0.0.0/8",), True),
        ("11.1.2.3", 80, ("10.0.0.0/8",), False),
        ("a.example", 81, ("example:80",), False),
        ("a.example", 80, ("example:80",), True),
        ("::1", 80, ("[::1]:80",), True),
        ("A.Example.", 80, ("a.example",), True),
        ("x", 80, ("*",), True),
        ("x", 80, (), False),
    ],
)
async def test_which_hosts_go_direct(host: str, port: int, exceptions: tuple[str, ...], direct: bool) -> None:
    assert direct == goes_direct(host, port, exceptions)


async def test_secrets_of_proxies_and_clients_are_masked_and_kept() -> None:
    given = {
        "proxy_url": "http://u:p@proxy:3128",
        "proxy_connect_header": {"X-A": {"secrets": ["s1"]}},
        "oauth2": {"client_id": "me", "client_secret": "s2", "token_url": "http://h/t"},
    }
    stored = checked_options(given)
    shown = shown_options(stored)
    assert MASK == shown["proxy_url"] == shown["oauth2"]["client_secret"]
    assert [MASK] == shown["proxy_connect_header"]["X-A"]["secrets"]
    assert stored == checked_options(shown, stored)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"proxy_url": "proxy:3128"}, "send a URL"),
        ({"proxy_url": "http://u:hidden@/"}, "send a URL"),
        ({"proxy_url": "http://h:1/path"}, "ends with its port"),
        ({"oauth2": {"client_id": "a"}}, "oauth2.token_url"),
        ({"oauth2": {"client_id": "a", "token_url": "ftp://h"}}, "oauth2.token_url"),
        (
            {"oauth2": {"client_id": "a", "token_url": "http://h"}, "basic_auth": {"username": "u"}},
            "given beside 'basic_auth'",
        ),
    ],
)
async def test_what_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        read_options(options)
    assert "hidden" not in caught.value.message


async def test_a_targets_own_credentials_replace_the_workspaces() -> None:
    workspace = '{"oauth2": {"client_id": "a", "token_url": "http://h/t"}}'
    assert merged_options(workspace, '{"basic_auth": {"username": "u"}}').oauth2 is None
