"""The OTLP receiver and the real-time API over in-memory stores of two projects, in process and over a socket."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import httpx
import structlog
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from tests.support.access import FixedKeys, make_access, make_project

from bongsu.api.openapm import routes as openapm
from bongsu.api.openapm.callers import Callers
from bongsu.api.otlp import routes as otlp
from bongsu.apm.engine import ApmEngine
from bongsu.apm.settings import ApmSettings
from bongsu.control.values import Scope
from bongsu.ingest.otlp_metrics import OtlpIngestSettings, OtlpMetricsIngest
from bongsu.model.errors import NotFound
from bongsu.promql.engine import Engine
from bongsu.query.service import QueryLimits, QueryService
from bongsu.runtime.clock import ManualClock
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bongsu.api.body import BodyLimits
    from bongsu.apm.ticks import SealedTick
    from bongsu.apm.visitors import VisitorFiles
    from bongsu.runtime.clock import Clock
    from bongsu.wire.otlp.limits import OtlpLimits

NOW_MS = 1_700_000_000_000


class ApmApi:
    """Projects ``alpha`` (pcode 5490) and ``beta`` (pcode 7), each with a key for everything and one for reading."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        settings: ApmSettings | None = None,
        limits: OtlpLimits | None = None,
        body_limits: BodyLimits = otlp.BODY_LIMITS,
        calls_per_second: int = 0,
        visitors: VisitorFiles | None = None,
    ) -> None:
        self.manual = ManualClock(NOW_MS)
        self.clock: Clock = clock or self.manual
        self.settings = settings or ApmSettings()
        self.ticks: dict[tuple[str, int], SealedTick] = {}
        """Ticks that were sealed while `served`, by project and end."""
        self.registry = CollectorRegistry()
        self.keys = FixedKeys()
        self.stores = {"alpha": MemoryProjectStore(), "beta": MemoryProjectStore()}
        self.projects = {"alpha": make_project(), "beta": make_project("beta", 7)}
        self.key = {name: self.keys.add(project, name) for name, project in self.projects.items()}
        self.token = {
            name: self.keys.add(project, f"{name}token", scopes=frozenset({Scope.READ}))
            for name, project in self.projects.items()
        }
        log = structlog.get_logger()
        self.engine = ApmEngine(
            self.settings,
            secret=b"secret",
            store_of=self._store_of,
            clock=self.clock,
            registry=self.registry,
            log=log,
            visitors=visitors,
        )
        self.ingest = OtlpMetricsIngest(OtlpIngestSettings(), store_of=self._store_of, clock=self.clock)
        access = make_access(self.keys, self.manual)
        self.queries = QueryService(
            Engine(), limits=QueryLimits(), clock=self.clock, registry=self.registry, log=log
        )
        self.app = Starlette(
            routes=[
                *otlp.routes(
                    access=access,
                    apm=self.engine,
                    metrics=self.ingest,
                    log=log,
                    limits=limits,
                    body_limits=body_limits,
                ),
                *openapm.routes(
                    callers=Callers(access, self.manual, calls_per_second=calls_per_second),
                    apm=self.engine,
                    queries=self.queries,
                    open_store=lambda caller: self._store_of(caller.project.project_id),
                    log=log,
                ),
            ]
        )

    def reader(self, project: str = "alpha") -> dict[str, str]:
        """Return the headers of a call of the real-time API."""
        return {"x-whatap-token": self.token[project], "x-whatap-pcode": str(self.projects[project].pcode)}

    def sender(self, project: str = "alpha", content_type: str = "application/x-protobuf") -> dict[str, str]:
        """Return the headers of an OTLP post."""
        return {"X-TC-APP-KEY": self.key[project], "Content-Type": content_type}

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Give a client in process, whose address is 10.1.2.3."""
        transport = httpx.ASGITransport(self.app, client=("10.1.2.3", 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client

    async def to(self, at_ms: int) -> None:
        """Move the manual clock and seal what is due."""
        await self.manual.advance((at_ms - self.manual.now_ms()) / 1000)
        self.engine.tick()

    @contextlib.contextmanager
    def served(self, port: int = 0) -> Iterator[str]:
        """Serve on a port, by default a free one, with ticks sealed when they are due; give the base address."""
        config = uvicorn.Config(self.app, lifespan="off", log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", port))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        stop = threading.Event()

        def seal() -> None:
            while not stop.wait(0.05):
                self.engine.tick()
                for name in self.stores:
                    newest = self.engine.newest(name)
                    self.ticks[name, newest.end_ms] = newest

        sealer = threading.Thread(target=seal, daemon=True)
        thread.start()
        sealer.start()
        try:
            deadline = time.monotonic() + 30
            while not server.started:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            server.should_exit = True
            thread.join(30)
            sealer.join(30)
            listener.close()

    def _store_of(self, project_id: str) -> MemoryProjectStore:
        try:
            return self.stores[project_id]
        except KeyError:
            raise NotFound(f"no project {project_id}") from None
