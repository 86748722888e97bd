"""Builds the parts of the server and gives them to each other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prometheus_client import Gauge, ProcessCollector

from bongsu import __version__
from bongsu.api.access import AccessControl
from bongsu.api.admin.routes import routes as admin_routes
from bongsu.api.admin.token import AdminToken
from bongsu.api.body import BodyLimits
from bongsu.api.console.routes import routes as console_routes
from bongsu.api.console.sessions import SessionStore
from bongsu.api.openapm.routes import routes as openapm_routes
from bongsu.api.otlp.routes import routes as otlp_routes
from bongsu.api.prometheus.routes import routes as prometheus_routes
from bongsu.api.prometheus.status import StatusFacts, prometheus_config, prometheus_flags
from bongsu.api.sysmon.routes import routes as sysmon_routes
from bongsu.apm.engine import ApmEngine
from bongsu.apm.settings import ApmSettings
from bongsu.control.bootstrap import Bootstrap, bootstrap
from bongsu.control.context import ControlOptions
from bongsu.control.database import sqlite_url
from bongsu.control.limits import CONTROL_LIMIT_NAMES, ControlLimits
from bongsu.control.plane import ControlPlane
from bongsu.ingest.otlp_metrics import OtlpIngestSettings, OtlpMetricsIngest
from bongsu.kernels.warm import compile_all
from bongsu.model.errors import InvalidInput
from bongsu.promql.engine import Engine, EngineOptions
from bongsu.query.service import QueryLimits, QueryService
from bongsu.scrape.scraper import Scraper
from bongsu.server.projects import ProjectKeeper
from bongsu.server.stores import ProjectStores
from bongsu.server.targets import TargetFeed
from bongsu.tsdb import TsdbStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import tzinfo

    from prometheus_client import CollectorRegistry
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.runtime.clock import Clock
    from bongsu.server.config import Settings


@dataclass
class Parts:
    """Everything that runs; `start` and `stop` belong to the event loop, and are called once each, in this order."""

    routes: list[BaseRoute]
    bootstrap: Bootstrap
    console_link: str
    _loops: list[Callable[[], Coroutine[None, None, None]]]
    _closers: contextlib.ExitStack
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Start scraping, sealing, and what else runs by itself."""
        self._tasks = [asyncio.create_task(loop()) for loop in self._loops]

    async def stop(self) -> None:
        """End the loops, then close engines and stores; nothing that was acknowledged is lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._closers.close)


def build(
    settings: Settings,
    clock: Clock,
    registry: CollectorRegistry,
    log: FilteringBoundLogger,
    url: str,
    progress: Callable[[str], None],
) -> Parts:
    """
    Open the data folder and make all parts. Blocks: for the store's log to be read, and on the first start for the kernels.

    Parameters
    ----------
    progress
        Told what is being done, in a few words.
    """
    folder = settings.data_folder
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        _describe_process(registry)
        progress("loading kernels")
        compile_all(progress)
        progress("opening the store")
        # The store's lock comes before everything else that a second process could touch.
        store = TsdbStore(folder / "store", clock=clock, registry=registry, log=log.bind(part="store"))
        stack.callback(store.close)
        progress("opening the control database")
        control = ControlPlane(
            settings.server.database or sqlite_url(folder / "control.db"), clock, _control_options(settings)
        )
        stack.callback(control.close)
        start = bootstrap(control, folder, admin_token=os.environ.get("BONGSU_ADMIN_TOKEN"))
        stores = ProjectStores(store, control, settings.limits)
        feed = TargetFeed(control, stores.by_id, settings.scrape, clock)
        scraper = Scraper(
            feed.board,
            feed,
            clock=clock,
            registry=registry,
            log=log.bind(part="scrape"),
            user_agent=f"Bongsu/{__version__}",
        )
        apm = ApmEngine(
            ApmSettings(grace_ms=settings.apm.grace),
            secret=secrets.token_bytes(32),
            store_of=stores.by_id,
            clock=clock,
            registry=registry,
            log=log.bind(part="apm"),
        )
        engine = Engine(_engine_options(settings))
        stack.callback(engine.close)
        limits = QueryLimits(
            max_concurrent=settings.query.max_concurrent, timeout_s=settings.query.timeout / 1000
        )
        queries = QueryService(
            engine, limits=limits, clock=clock, registry=registry, log=log.bind(part="query")
        )
        stack.callback(queries.close)
        sessions = SessionStore(clock, file=folder / "sessions.json")
        access = AccessControl(control.keys, clock, registry, sessions=sessions)
        otlp_metrics = OtlpMetricsIngest(
            OtlpIngestSettings(start_timestamps="use-start-timestamps" in settings.features),
            store_of=stores.by_id,
            clock=clock,
        )
        keeper = ProjectKeeper(control, stores, [apm.drop_project, otlp_metrics.drop_project])
        routes = [
            *otlp_routes(
                access=access,
                apm=apm,
                metrics=otlp_metrics,
                log=log.bind(part="otlp"),
                body_limits=_body_limits(settings),
            ),
            *openapm_routes(access=access, apm=apm, log=log.bind(part="openapm")),
            *prometheus_routes(
                access=access,
                open_store=lambda caller: stores.of(caller.project),
                queries=queries,
                targets=feed,
                facts=_facts(settings, clock),
                features=settings.features,
                clock=clock,
                log=log.bind(part="prometheus"),
            ),
            *sysmon_routes(
                access=access,
                control=control,
                log=log.bind(part="sysmon"),
                time_zone=_time_zone(settings.time_zone),
            ),
            *admin_routes(
                token=AdminToken(start.credentials.admin_token),
                control=control,
                drop_data=keeper.drop,
                clock=clock,
                log=log.bind(part="admin"),
            ),
            *console_routes(
                access=access,
                sessions=sessions,
                clock=clock,
                log=log.bind(part="console"),
                version=__version__,
            ),
        ]
        return Parts(
            routes=routes,
            bootstrap=start,
            console_link=_console_link(url, start, sessions),
            _loops=[feed.follow_changes, feed.flush_regularly, scraper.run, apm.run, keeper.follow_changes],
            _closers=stack.pop_all(),
        )
    raise AssertionError("BUG: the exit stack swallowed an error")


def _describe_process(registry: CollectorRegistry) -> None:
    """Add what every process tells of itself; tools that detect a Prometheus look for its build info."""
    ProcessCollector(registry=registry)
    for name in ("bongsu_build_info", "prometheus_build_info"):
        Gauge(name, "The version that runs.", ["version"], registry=registry).labels(__version__).set(1)


def _body_limits(settings: Settings) -> BodyLimits:
    return BodyLimits(
        max_body_bytes=settings.server.max_body_bytes, max_decompressed_bytes=settings.server.max_body_bytes
    )


def _control_options(settings: Settings) -> ControlOptions:
    others = asdict(settings.limits)
    limits = {name: others.pop(name) for name in CONTROL_LIMIT_NAMES}
    return ControlOptions(
        regions=settings.regions, limits=ControlLimits(**limits), other_limits=tuple(others.items())
    )


def _engine_options(settings: Settings) -> EngineOptions:
    return EngineOptions(
        lookback_ms=settings.query.lookback,
        max_samples=settings.query.max_samples,
        timeout_s=settings.query.timeout / 1000,
        threads=settings.query.threads or os.cpu_count() or 1,
        features=settings.features,
    )


def _time_zone(name: str) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInput(
            f"setting time_zone = {name!r}: not a known time zone; write one like 'Asia/Seoul' or 'UTC'",
            id="bad-setting",
        ) from error


def _facts(settings: Settings, clock: Clock) -> StatusFacts:
    flags = prometheus_flags(
        lookback_ms=settings.query.lookback,
        max_concurrent=settings.query.max_concurrent,
        max_samples=settings.query.max_samples,
        timeout_ms=settings.query.timeout,
        features=settings.features,
    )
    return StatusFacts(
        version=__version__,
        start_ms=clock.now_ms(),
        hostname=socket.gethostname(),
        flags=flags,
        config_yaml=prometheus_config(
            scrape_interval_ms=settings.scrape.interval, scrape_timeout_ms=settings.scrape.timeout
        ),
    )


def _console_link(url: str, start: Bootstrap, sessions: SessionStore) -> str:
    """Return the console's address, at the first start with a token that signs a browser in once."""
    key_id = start.credentials.appkey.partition(".")[0]
    if not start.made_project or not key_id:
        return f"{url}/console/"
    return f"{url}/console/?once={sessions.link(key_id)}"
