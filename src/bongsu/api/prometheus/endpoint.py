"""One path of the API: its methods, and its envelope for everything that goes wrong."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bongsu.api.errors import MethodNotAllowed, guard
from bongsu.api.prometheus.envelope import failure_response
from bongsu.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.errors import Handler
    from bongsu.api.whole import Answer, AtOnce, WholeRequest


class Endpoint:
    """
    An ASGI application for one path.

    Parameters
    ----------
    handlers
        The handler of each method. HEAD goes where GET goes, OPTIONS is answered here.
    log
        Told of failures that are the server's.
    at_once
        Answers what is over in a moment; None where nothing is.
    """

    def __init__(
        self, handlers: Mapping[str, Handler], log: FilteringBoundLogger, *, at_once: AtOnce | None = None
    ) -> None:
        self._at_once = at_once
        self._allowed = ("OPTIONS", *sorted(handlers))
        self._handlers = {
            method: guard(handler, render=failure_response, log=log) for method, handler in handlers.items()
        }
        if "GET" in self._handlers:
            self._handlers["HEAD"] = self._handlers["GET"]
        self._refuse = guard(self._not_allowed, render=failure_response, log=log)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the path takes, OPTIONS and HEAD left out."""
        return self._allowed[1:]

    def at_once(self, request: WholeRequest) -> Answer | None:
        """Answer a request that is over in a moment; None for it to go the general way, where every refusal is told."""
        if self._at_once is None or request.method not in self._allowed[1:]:
            return None
        try:
            return self._at_once(request)
        except Exception:  # noqa: BLE001 - the general way meets it again, and tells and logs it
            return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        if request.method == "OPTIONS":
            response = Response(status_code=204, headers={"Allow": ", ".join(self._allowed)})
        else:
            response = await self._handlers.get(request.method, self._refuse)(request)
        # An answer that nobody reads to its end is left as it is; the server then closes the connection.
        with contextlib.suppress(ClientDisconnect):
            await response(scope, receive, send)

    async def _not_allowed(self, request: Request) -> Response:
        raise MethodNotAllowed(
            f"method {request.method} is not allowed for {request.url.path}; use {' or '.join(self.methods)}",
            allowed=self._allowed,
        )


def unknown_path(log: FilteringBoundLogger) -> Endpoint:
    """Return the endpoint of every path below the API's prefix that no other endpoint has."""

    async def not_found(request: Request) -> Response:
        raise NotFound(
            f"there is no endpoint {request.url.path}; docs/api/prometheus.md lists them",
            id="unknown-endpoint",
        )

    return Endpoint(dict.fromkeys(("GET", "POST", "PUT", "DELETE", "PATCH"), not_found), log)
