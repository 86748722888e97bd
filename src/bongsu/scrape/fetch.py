"""
One HTTP request to one target, and nothing else: no cookies, no other host, no address that its reach closes; a proxy, and whoever gives out
tokens, only where the target's options name them.

Redirects are followed on the same scheme, host and port only: a target must not make the server knock at other doors, and
credentials must not travel.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import http
import socket
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

import aiohttp

from bongsu.scrape.outcomes import CONNECTION_REFUSED, Failure, ScrapeFailed
from bongsu.scrape.proxy import goes_direct
from bongsu.scrape.reach import address_of
from bongsu.scrape.tls import tls_context
from bongsu.wire.exposition.negotiation import accept_header

if TYPE_CHECKING:
    from bongsu.scrape.addresses import Addresses
    from bongsu.scrape.budget import BodyLease
    from bongsu.scrape.oauth import AskForToken, OAuth2Options, Tokens
    from bongsu.scrape.options import ScrapeOptions
    from bongsu.scrape.targets import ScrapeTarget
    from bongsu.scrape.tls import TlsOptions

_MAX_REDIRECTS = 5
"""Some paths move twice (slash, version); more is a loop."""

_READ_BYTES = 1 << 16
"""The limit of a body is judged after each piece of at most this size."""

_KEEPALIVE_S = 75.0
"""Idle connections stay longer than the usual intervals, or each scrape would open one."""

_MOST_TOKEN_BYTES = 64 << 10
"""Of the answer of whoever gives out tokens; some tokens have a few kilobytes."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_PORTS = {"http": 80, "https": 443}

_MOST_PLACES = 16_384
"""URLs of targets that are kept taken apart, in some 15 MB; each scrape needs its own."""

_WORDS = {
    errno.ECONNREFUSED: CONNECTION_REFUSED,
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "timeout",
    errno.EMFILE: "too many open files in this server",
}


@dataclass(frozen=True, slots=True)
class FetchedBody:
    """The answer of a target."""

    body: bytes
    content_type: str | None
    http_status: int


def open_session(user_agent: str) -> aiohttp.ClientSession:
    """Return the session of all scrapes; made in the event loop that uses it."""
    return aiohttp.ClientSession(
        # One scrape per target is in flight, so targets bound the connections; a pool limit would make them queue.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        # The scraper's own clock ends a scrape.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"User-Agent": user_agent},
        trust_env=False,
    )


@dataclass(frozen=True, slots=True)
class Doors:
    """What a request goes out by: the connections, and who finds the addresses that may be connected to."""

    session: aiohttp.ClientSession
    addresses: Addresses
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request; `headers` beside those that the session adds."""

    url: str
    headers: list[tuple[str, str]]
    target: ScrapeTarget
    tls: TlsOptions | None
    form: bytes | None = None


async def fetch(doors: Doors, target: ScrapeTarget, lease: BodyLease) -> FetchedBody:
    """
    Return the body of a target.

    Parameters
    ----------
    lease
        Pays for the body's memory.

    Raises
    ------
    ScrapeFailed
        In words that the target's owner understands.
    """
    try:
        return await _fetch(doors, target, lease)
    except aiohttp.ClientError as error:
        raise ScrapeFailed(_connection_words(error), Failure.CONNECT) from error
    except (OSError, ValueError) as error:
        raise ScrapeFailed(_os_words(error), Failure.CONNECT) from error


async def _fetch(doors: Doors, target: ScrapeTarget, lease: BodyLease) -> FetchedBody:
    url, options = target.url, target.options
    headers = _headers(target)
    if options.oauth2 is not None:
        headers.append(
            ("Authorization", await doors.tokens.header(options.oauth2, _token_asker(doors, target)))
        )
    for _ in range(_MAX_REDIRECTS + 1):
        async with await _opened(doors, _Ask(url, headers, target, options.tls_config)) as response:
            if options.oauth2 is not None and response.status == http.HTTPStatus.UNAUTHORIZED:
                doors.tokens.forget(options.oauth2)
            location = response.headers.get("Location")
            moved = options.follow_redirects and response.status in _REDIRECTS
            if not moved or location is None:
                return await _read(response, target.limits.max_body_bytes, lease)
            url = _redirected(url, location, response.status)
    raise ScrapeFailed(f"more than {_MAX_REDIRECTS} redirects", Failure.REDIRECT)


def _token_asker(doors: Doors, target: ScrapeTarget) -> AskForToken:
    """Return who asks for a token with the reach, and through the proxy, of a target."""

    async def ask(options: OAuth2Options, headers: list[tuple[str, str]], form: bytes) -> tuple[int, bytes]:
        sent = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
            *headers,
        ]
        request = _Ask(options.token_url, sent, target, options.tls_config, form)
        async with await _opened(doors, request) as response:
            return response.status, await response.content.read(_MOST_TOKEN_BYTES)

    return ask


async def _opened(doors: Doors, ask: _Ask) -> aiohttp.ClientResponse:
    """
    Return the answer of the first address of the host that takes a connection.

    The session is given addresses and never names: a connection is then kept under the address that was judged, and no target can
    use one that was opened for another with a wider reach. A proxy finds the target's address by itself; its own is judged.
    """
    place = _place(ask.url)
    host, port = place.host, place.port
    options = ask.target.options
    if options.proxy_url and not goes_direct(host, port, options.no_proxy):
        return await _through_proxy(doors, ask, options)
    refused: OSError = OSError(errno.EHOSTUNREACH, "no address")
    headers = [("Host", place.shown), *ask.headers]
    for address in await doors.addresses.open_ones(host, port, ask.target.reach):
        try:
            return await _request(doors, ask, _url_at(ask.url, address, port), headers, place.name)
        except aiohttp.ClientConnectorError as error:
            refused = error
    raise refused


async def _through_proxy(doors: Doors, ask: _Ask, options: ScrapeOptions) -> aiohttp.ClientResponse:
    parts = urlsplit(options.proxy_url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    headers, connect = ask.headers, list(options.proxy_connect_header)
    if parts.username:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        own = [("Proxy-Authorization", "Basic " + b64encode(user.encode()).decode())]
        # A plain request is the proxy's to read; of one by TLS it sees the opening of the tunnel only.
        headers, connect = (
            (headers, connect + own) if ask.url.startswith("https:") else (headers + own, connect)
        )
    refused: OSError = OSError(errno.EHOSTUNREACH, "no address")
    for address in await doors.addresses.open_ones(host, port, ask.target.reach):
        way = _Proxy(urlunsplit(_at(parts, address, port)), connect)
        try:
            return await _request(doors, ask, ask.url, headers, None, way)
        except aiohttp.ClientConnectorError as error:
            refused = error
    raise refused


class _Proxy(NamedTuple):
    url: str
    connect_headers: list[tuple[str, str]]


async def _request(
    doors: Doors,
    ask: _Ask,
    url: str,
    headers: list[tuple[str, str]],
    name: str | None,
    proxy: _Proxy | None = None,
) -> aiohttp.ClientResponse:
    """Send a request; `name` is that of the host where the URL has its address only."""
    return await doors.session.request(
        "GET" if ask.form is None else "POST",
        url,
        headers=headers,
        data=ask.form,
        allow_redirects=False,
        ssl=True if ask.tls is None else tls_context(ask.tls),
        server_hostname=(ask.tls.server_name if ask.tls else "") or name,
        proxy=proxy.url if proxy else None,
        proxy_headers=proxy.connect_headers if proxy else None,
    )


class _Place(NamedTuple):
    """What of a URL tells where it leads; `shown` is what its host reads, `name` is None for an address."""

    host: str
    port: int
    shown: str
    name: str | None


@functools.lru_cache(maxsize=_MOST_PLACES)
def _place(url: str) -> _Place:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return _Place(
        host,
        parts.port or _PORTS[parts.scheme],
        parts.netloc.rpartition("@")[2],
        None if address_of(host) else host,
    )


@functools.lru_cache(maxsize=_MOST_PLACES)
def _url_at(url: str, address: str, port: int) -> str:
    return urlunsplit(_at(urlsplit(url), address, port))


def _at(parts: SplitResult, address: str, port: int) -> SplitResult:
    """Return a URL with an address in the place of its host, and without a user."""
    return parts._replace(netloc=f"[{address}]:{port}" if ":" in address else f"{address}:{port}")


def _headers(target: ScrapeTarget) -> list[tuple[str, str]]:
    options = target.options
    return [
        ("Accept", accept_header(options.protocols, options.metric_name_escaping_scheme)),
        ("Accept-Encoding", "gzip" if options.enable_compression else "identity"),
        ("X-Prometheus-Scrape-Timeout-Seconds", f"{target.timeout_s:g}"),
        *options.headers,
    ]


def _redirected(url: str, location: str, status: int) -> str:
    moved = urljoin(url, location)
    if _origin(moved) != _origin(url):
        raise ScrapeFailed(
            f"HTTP {status} redirects to another host, {moved[:200]}; register that one as the target",
            Failure.REDIRECT,
            http_status=status,
        )
    return moved


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


async def _read(response: aiohttp.ClientResponse, max_bytes: int, lease: BodyLease) -> FetchedBody:
    if response.status != http.HTTPStatus.OK:
        raise ScrapeFailed(_status_words(response.status), Failure.HTTP, http_status=response.status)
    body = bytearray()
    # Counts what comes out of decompression, which aiohttp does piece by piece with bounded output.
    async for piece in response.content.iter_chunked(_READ_BYTES):
        lease.take(len(piece))
        body += piece
        if max_bytes and len(body) > max_bytes:
            raise ScrapeFailed(
                f"the body is larger than {max_bytes} bytes; expose less, or raise the workspace's option 'body_size_limit' "
                "or the setting 'scrape.max_body_bytes'",
                Failure.BODY_LIMIT,
                http_status=response.status,
            )
    return FetchedBody(bytes(body), response.headers.get("Content-Type"), response.status)


def _status_words(status: int) -> str:
    try:
        return f"HTTP {status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _connection_words(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the target's certificate is not good: {getattr(error.certificate_error, 'verify_message', '') or error}"
    if isinstance(error, aiohttp.ClientSSLError):
        return f"TLS handshake failed: {error}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"proxy: {_os_words(error.os_error)}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"proxy: {_status_words(error.status)}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _os_words(error.os_error)
    if isinstance(error, OSError):
        return _os_words(error)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "connection closed by the target"
    if isinstance(error, aiohttp.InvalidURL):
        return f"not a valid URL: {error}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the body ended early or is damaged"
    return f"not a valid HTTP answer: {str(error) or type(error).__name__}"


def _os_words(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "host not found"
    if isinstance(error, asyncio.TimeoutError):
        return "timeout"
    words = _WORDS.get(error.errno or 0) if isinstance(error, OSError) else None
    return words or str(error) or type(error).__name__
