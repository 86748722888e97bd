"""The Prometheus API over in-memory stores of two projects, for tests in process and over a socket."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import structlog
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from tests.support.access import FixedKeys, make_access, make_project

from bongsu.api.prometheus.admin import BlockFacts
from bongsu.api.prometheus.routes import PREFIX, routes
from bongsu.api.prometheus.status import StatusFacts, prometheus_config, prometheus_flags
from bongsu.api.prometheus.targets import ScrapePool
from bongsu.control.values import Scope
from bongsu.model.labels import series_key
from bongsu.model.samples import SampleBatch
from bongsu.promql.engine import Engine, EngineOptions
from bongsu.query.service import QueryLimits, QueryService
from bongsu.runtime.clock import ManualClock
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bongsu.api.access import ProjectAccess
    from bongsu.api.prometheus.admin import Maintenance
    from bongsu.api.prometheus.targets import TargetView
    from bongsu.query.service import Engine as EngineProtocol
    from bongsu.storage.contract import ProjectStore

NOW_MS = 1_700_000_000_000
_START_SECONDS = 30.0


@dataclass
class FixedTargets:
    """Targets of projects, as a scraper would list them."""

    views: dict[str, list[TargetView]] = field(default_factory=dict)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)

    def targets(self, project_id: str) -> Sequence[TargetView]:
        """Return the targets of a project."""
        return self.views.get(project_id, [])

    def pools(self, project_id: str) -> Sequence[ScrapePool]:
        """Return the pools of a project."""
        names = sorted({view.pool for view in self.targets(project_id)})
        return [ScrapePool(name, "/metrics", self.options.get(name, {})) for name in names]


@dataclass
class NotedMaintenance:
    """Maintenance that writes down what it was asked."""

    asked: list[tuple[object, ...]] = field(default_factory=list)

    def blocks(self, project_id: str) -> list[BlockFacts]:
        """Note it."""
        self.asked.append(("blocks", project_id))
        return [BlockFacts(7, 1, 1_700_000_000_000, 1_700_007_199_999, 3, 500, 9, (4, 5))]

    def clean_tombstones(self, project_id: str) -> None:
        """Note it."""
        self.asked.append(("clean", project_id))

    def snapshot(self, project_id: str, *, skip_head: bool) -> str:
        """Note it."""
        self.asked.append(("snapshot", project_id, skip_head))
        return "20231114T221320Z-1"


class PrometheusApi:
    """
    The API with projects ``alpha`` and ``beta``, each with its own store and a key with all scopes.

    Close it after use: it has threads.
    """

    def __init__(
        self,
        *,
        features: frozenset[str] = frozenset(),
        limits: QueryLimits | None = None,
        engine: EngineProtocol | None = None,
        maintenance: Maintenance | None = None,
        now_ms: int = NOW_MS,
        damaged_parts: Callable[[], int] = lambda: 0,
    ) -> None:
        self.clock = ManualClock(now_ms)
        self.stopping = False
        self.keys = FixedKeys()
        self.registry = CollectorRegistry()
        self.targets = FixedTargets()
        self.stores = {name: MemoryProjectStore() for name in ("alpha", "beta")}
        self.projects = {"alpha": make_project(), "beta": make_project("beta", 7)}
        self.key = {name: self.keys.add(project, name) for name, project in self.projects.items()}
        self.read_key = self.keys.add(self.projects["alpha"], "reader", scopes=frozenset({Scope.READ}))
        self.write_key = self.keys.add(self.projects["alpha"], "writer", scopes=frozenset({Scope.WRITE}))
        self._own_engine = Engine(EngineOptions(features=features))
        limits = limits or QueryLimits()
        self.queries = QueryService(
            engine or self._own_engine,
            limits=limits,
            clock=self.clock,
            registry=self.registry,
            log=structlog.get_logger(),
        )
        facts = StatusFacts(
            version="0.1.0",
            start_ms=now_ms,
            hostname="host",
            flags=prometheus_flags(
                lookback_ms=300_000,
                max_concurrent=limits.max_concurrent,
                max_samples=50_000_000,
                timeout_ms=round(limits.timeout_s * 1000),
                features=features,
            ),
            damaged_parts=damaged_parts,
            config_yaml=prometheus_config(scrape_interval_ms=15_000, scrape_timeout_ms=10_000),
        )
        self.routes = routes(
            access=make_access(self.keys, self.clock),
            open_store=self.open_store,
            queries=self.queries,
            targets=self.targets,
            facts=facts,
            features=features,
            clock=self.clock,
            log=structlog.get_logger(),
            registry=self.registry,
            maintenance=maintenance,
            stopping=lambda: self.stopping,
        )
        self.app = Starlette(routes=self.routes)

    def open_store(self, access: ProjectAccess) -> ProjectStore:
        """Return the store of whom a request acts for."""
        return self.stores[access.project.project_id]

    def client(self, project: str = "alpha", *, key: str | None = None) -> httpx.AsyncClient:
        """Return a client of the API, below its prefix, with a key of the project."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=f"http://bongsu.test{PREFIX}",
            headers={"X-TC-APP-KEY": self.key[project] if key is None else key},
        )

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """Serve the API over a socket of this machine; give the URL before the prefix."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(
                uvicorn.Config(self.app, log_config=None, lifespan="off", timeout_graceful_shutdown=5)
            )
            thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
            thread.start()
            deadline = time.monotonic() + _START_SECONDS
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.01)
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                thread.join(_START_SECONDS)

    def close(self) -> None:
        """End the threads."""
        self.queries.close()
        self._own_engine.close()


def put(
    store: ProjectStore,
    labels: Mapping[str, str],
    values: Sequence[float],
    *,
    end_ms: int = NOW_MS,
    step_ms: int = 15_000,
) -> None:
    """Write samples of one series, `step_ms` apart, of which the newest is at `end_ms`."""
    ref = store.resolve([series_key(labels)]).refs[0]
    times = end_ms - step_ms * np.arange(len(values) - 1, -1, -1, dtype=np.int64)
    result = store.append(
        SampleBatch(np.full(len(values), ref, dtype=np.int64), times, np.array(values, dtype=np.float64))
    )
    assert len(values) == result.written
