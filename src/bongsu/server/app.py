"""
The ASGI shell: answers health from the first moment, everything else once the server is ready.

Opening the store takes seconds, and compiling kernels on the very first start most of a minute; meanwhile a supervisor can
see that the process lives, and why it is not ready.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bongsu.api.dispatch import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client import CollectorRegistry
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

    from bongsu.api.whole import Answer, WholeRequest


class Phase(enum.Enum):
    """Where the server is in its life."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"


class Shell:
    """
    The outermost ASGI application; `routes` are reached only while the server is ready.

    `phase` and `progress` (a sentence for people) are set by the thread that starts the parts; readers see either the old or
    the new value, which is all that is needed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.phase = Phase.STARTING
        self.progress = "starting"
        self._registry = registry
        self._own = Starlette(
            routes=[
                Route("/-/healthy", self._healthy, methods=["GET", "HEAD"]),
                Route("/-/ready", self._ready, methods=["GET", "HEAD"]),
                Route("/metrics", self._metrics, methods=["GET", "HEAD"]),
            ]
        )
        self._own_paths = frozenset(route.path for route in self._own.routes if isinstance(route, Route))
        self._parts: Dispatcher | None = None

    def open(self, routes: Sequence[BaseRoute]) -> None:
        """Serve `routes` from now on."""
        self._parts = Dispatcher(routes)
        self.progress = "ready"
        self.phase = Phase.READY

    def at_once(self, request: WholeRequest) -> Answer | None:
        """Answer a request that is here as a whole and over in a moment; None for it to go the general way."""
        if self.phase is not Phase.READY or self._parts is None:
            return None
        return self._parts.at_once(request)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "")
        if scope["type"] != "http":
            raise AssertionError(f"BUG: the server speaks HTTP only; got {scope['type']}")
        if path in self._own_paths:
            await self._own(scope, receive, send)
        elif self.phase is Phase.READY and self._parts is not None:
            await self._parts(scope, receive, send)
        else:
            await self._not_ready()(scope, receive, send)

    def _not_ready(self) -> Response:
        stopping = "true" if self.phase is Phase.STOPPING else "false"
        return PlainTextResponse(
            f"Service Unavailable: {self.progress}",
            status_code=503,
            headers={"X-Prometheus-Stopping": stopping, "Retry-After": "1"},
        )

    async def _healthy(self, _: Request) -> Response:
        return PlainTextResponse("Bongsu is Healthy.\n")

    async def _ready(self, _: Request) -> Response:
        if self.phase is Phase.READY:
            return PlainTextResponse("Bongsu is Ready.\n")
        return self._not_ready()

    async def _metrics(self, request: Request) -> Response:
        encoder, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encoder(self._registry), media_type=None, headers={"Content-Type": content_type})
