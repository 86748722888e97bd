"""A real HTTP server with an answer that the test sets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Exporter:
    """What the server answers, and what it was asked."""

    port: int = 0
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": TEXT_TYPE})
    requests: list[web.Request] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    redirects: dict[str, str] = field(default_factory=dict)
    answering: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/metrics") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.connections.add(request.transport)
        await self.answering.wait()
        if request.path in self.redirects:
            return web.Response(status=307, headers={"Location": self.redirects[request.path]})
        return web.Response(body=self.body, status=self.status, headers=self.headers)


@asynccontextmanager
async def running_exporter() -> AsyncIterator[Exporter]:
    """Run an exporter on a free port of the loopback interface."""
    exporter = Exporter()
    exporter.answering.set()
    application = web.Application()
    application.router.add_get("/{path:.*}", exporter.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    exporter.port = runner.addresses[0][1]
    try:
        yield exporter
    finally:
        exporter.answering.set()
        await runner.cleanup()
