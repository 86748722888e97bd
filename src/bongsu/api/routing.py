"""Paths and their methods, with every refusal, that of a wrong method or path included, in the API's own envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from bongsu.api.errors import MethodNotAllowed, guard
from bongsu.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.errors import Failure, Handler

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Router:
    """
    Makes the routes of one API.

    Parameters
    ----------
    render
        Makes the API's envelope of a failure.
    log
        Told of failures that are the server's.
    """

    def __init__(self, render: Callable[[Failure], Response], log: FilteringBoundLogger) -> None:
        self._render = render
        self._log = log

    def resource(self, path: str, **handlers: Handler) -> Route:
        """Return the route of a path; `handlers` are named by method, as in ``GET=show``. HEAD is answered as GET."""
        table = {**handlers, "HEAD": handlers["GET"]} if "GET" in handlers else handlers
        return self._route(path, _choose(table))

    def unknown(self, path: str) -> Route:
        """Return the route that answers 404 for everything below a path; it comes last."""
        return self._route(path, _unknown)

    def _route(self, path: str, handler: Handler) -> Route:
        return Route(path, guard(handler, render=self._render, log=self._log), methods=_METHODS)


def _choose(table: Mapping[str, Handler]) -> Handler:
    allowed = tuple(sorted(table))

    async def choose(request: Request) -> Response:
        handler = table.get(request.method)
        if handler is None:
            raise MethodNotAllowed(
                f"{request.url.path[:200]} has no method {request.method}; it has {', '.join(allowed)}",
                allowed=allowed,
            )
        return await handler(request)

    return choose


async def _unknown(request: Request) -> Response:
    raise NotFound(
        f"there is no {request.url.path[:200]!r} here; the API's documentation has its paths",
        id="unknown-path",
    )
