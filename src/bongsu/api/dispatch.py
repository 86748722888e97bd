"""
From a path to its route without trying one after another: most requests name a path that is known as it stands.

Starlette tries its routes in order, which costs a small query more than its evaluation. A path without parameters is looked up here
instead, and only the routes with parameters are tried in turn; whatever is left, such as a wrong method, goes Starlette's way.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from starlette.applications import Starlette
from starlette.routing import Match, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from bongsu.api.whole import Answer, WholeRequest

_KNOWN_PATHS = 1024
"""Paths whose route is remembered: those of dashboards, which are few; a path is some hundred bytes."""


_DOUBLED = re.compile("//+")
"""Clients that join an address ending in a slash with a path that begins with one send two; a redirect would cost a POST its body."""


@runtime_checkable
class AnswersAtOnce(Protocol):
    """An application that can answer requests that are here as a whole."""

    def at_once(self, request: WholeRequest) -> Answer | None:
        """Answer, or return None for the request to go the general way."""
        ...


class Dispatcher:
    """
    An ASGI application for routes that answer their own errors; which route a request meets is what Starlette would choose. A path that
    meets none is tried once more with single slashes.

    Parameters
    ----------
    routes
        In the order in which they count; the first that matches answers.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._all: ASGIApp = Starlette(routes=list(routes))
        self._exact: dict[str, Route] = {}
        self._patterns: list[Route] = []
        others: list[BaseRoute] = []
        for route in routes:
            if not isinstance(route, Route):
                others.append(route)
            elif route.param_convertors:
                self._patterns.append(route)
            elif not any(pattern.path_regex.match(route.path) for pattern in self._patterns):
                self._exact.setdefault(route.path, route)
        if others:
            # Mounts take whole trees of paths; beside them the order of all routes matters.
            self._exact, self._patterns = {}, []

        self._immediate = functools.lru_cache(_KNOWN_PATHS)(self._find_immediate)

    def at_once(self, request: WholeRequest) -> Answer | None:
        """Answer a request that is here as a whole, if its route does that; else return None."""
        route = self._immediate(request.path)
        return None if route is None else route.at_once(request)

    def _find_immediate(self, path: str) -> AnswersAtOnce | None:
        route = self._exact.get(path)
        if route is None:
            route = next((pattern for pattern in self._patterns if pattern.path_regex.match(path)), None)
        return route.app if route is not None and isinstance(route.app, AnswersAtOnce) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = self._exact.get(scope["path"])
        if route is not None and (route.methods is None or scope["method"] in route.methods):
            scope["path_params"] = {}
            await route.app(scope, receive, send)
            return
        if route is None:
            for pattern in self._patterns:
                match, found = pattern.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    await pattern.app(scope, receive, send)
                    return
            if _DOUBLED.search(scope["path"]):
                await self({**scope, "path": _DOUBLED.sub("/", scope["path"])}, receive, send)
                return
        await self._all(scope, receive, send)
