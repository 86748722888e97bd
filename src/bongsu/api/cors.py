"""
Which pages of other origins may call the APIs that dashboards and scripts in browsers use (CORS, https://fetch.spec.whatwg.org).

Keys travel in headers that a page must know, and never in what a browser adds by itself, so an answer may be read by any page that
has a key. Cookies are not taken across origins: credentials are never allowed, and the console's calls are not among these paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Route

from bongsu.api.dispatch import AnswersAtOnce
from bongsu.api.respond import no_content, text_response
from bongsu.api.whole import Later

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bongsu.api.whole import Answer, WholeRequest

ANY = "*"
PREFIXES = ("/prometheus/", "/open/")
"""Paths that pages of other origins may call."""
_ALLOWED_HEADERS = "Accept, Authorization, Content-Type, Origin, X-TC-APP-KEY, X-WHATAP-TOKEN, X-WHATAP-PCODE, X-SYSMON-REGION"
_EXPOSED_HEADERS = "Date, Retry-After"
_MAX_AGE_S = 600
"""What a browser may remember of a preflight: ten minutes spare a dashboard its second questions, and a changed setting is seen soon."""
_FORBIDDEN = 403


class Cors:
    """
    The origins that are allowed.

    Parameters
    ----------
    origins
        As browsers send them, ``https://grafana.example``; one may begin its host with ``*.``, for all names below it. ``*`` alone is
        every origin; none is no other origin.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        given = [origin.lower() for origin in origins]
        self._any = ANY in given
        self._exact = frozenset(given)
        self._below = tuple(
            (scheme + "://", "." + host[2:])
            for scheme, _, host in (origin.partition("://") for origin in given)
            if host.startswith("*.")
        )

    def around(self, routes: Iterable[BaseRoute]) -> list[BaseRoute]:
        """Return the routes, those that pages may call with the headers that browsers ask for."""
        found = list(routes)
        for route in found:
            if isinstance(route, Route) and route.path.startswith(PREFIXES):
                route.app = _WithCors(route.app, self)
        return found

    def allows(self, origin: str) -> bool:
        """Tell whether a page of an origin may read answers."""
        known = origin.lower()
        return (
            self._any
            or known in self._exact
            or any(known.startswith(scheme) and known.endswith(host) for scheme, host in self._below)
        )

    def mark(self, headers: MutableHeaders, origin: str) -> None:
        """Add what a browser wants to see on an answer."""
        # Caches between must not give one origin's answer to another; with any origin allowed it is the same for all.
        if not self._any:
            headers.add_vary_header("Origin")
        if self.allows(origin):
            headers["Access-Control-Allow-Origin"] = ANY if self._any else origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS

    def preflight(self, origin: str) -> Response:
        """Answer the question that a browser asks before a call."""
        if not self.allows(origin):
            return text_response(
                f"pages of {origin[:200]} may not call this server; the operator can add the origin to the setting "
                "'server.cors_origins'\n",
                status=_FORBIDDEN,
            )
        response = no_content()
        self.mark(response.headers, origin)
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_S)
        return response


class _WithCors:
    """An application whose answers pages of other origins may read."""

    def __init__(self, inner: ASGIApp, cors: Cors) -> None:
        self._inner = inner
        app: object = inner  # any callable may be of a class that does more
        self._at_once = app if isinstance(app, AnswersAtOnce) else None
        self._cors = cors

    def at_once(self, request: WholeRequest) -> Answer | None:
        """Answer a request that is over in a moment, if the application does that."""
        answer = None if self._at_once is None else self._at_once.at_once(request)
        origin = request.headers.get("origin")
        if answer is None or origin is None:
            return answer
        if isinstance(answer, Later):
            respond = answer.respond
            return Later(answer.work, lambda done: self._marked(respond(done), origin))
        return self._marked(answer, origin)

    def _marked(self, response: Response, origin: str) -> Response:
        self._cors.mark(response.headers, origin)
        return response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None:
            await self._inner(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await self._cors.preflight(origin)(scope, receive, send)
        else:
            await self._inner(scope, receive, self._marking(send, origin))

    def _marking(self, send: Send, origin: str) -> Send:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._cors.mark(MutableHeaders(scope=message), origin)
            await send(message)

        return marked
