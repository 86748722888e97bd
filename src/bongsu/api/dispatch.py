"""
From a path to its route without trying one after another: most requests name a path that is known as it stands.

Starlette tries its routes in order, which costs a small query more than its evaluation. A path without parameters is looked up here
instead, and only the routes with parameters are tried in turn; whatever is left, such as a wrong method, goes Starlette's way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Match, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send


class Dispatcher:
    """
    An ASGI application for routes that answer their own errors; which route a request meets is what Starlette would choose.

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
        await self._all(scope, receive, send)
