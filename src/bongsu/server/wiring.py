"""Builds the parts of the server and gives them to each other."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prometheus_client import Gauge, ProcessCollector

from bongsu import __version__
from bongsu.api.access import AccessControl
from bongsu.api.browser_sessions import BrowserSessions
from bongsu.apm.engine import ApmEngine
from bongsu.apm.settings import ApmLimits
from bongsu.apm.visitors import VisitorFiles
from bongsu.control.bootstrap import bootstrap
from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.ingest.imports import ImportMetrics
from bongsu.ingest.otlp_metrics import OtlpMetricsIngest
from bongsu.ingest.remote_writers import RemoteWriters
from bongsu.promql.engine import Engine
from bongsu.query.result_cache import ResultCache
from bongsu.query.service import QueryService
from bongsu.scrape.scraper import Scraper
from bongsu.server import options
from bongsu.server.backup import Backups
from bongsu.server.edge import Edge, all_routes
from bongsu.server.grpc_listener import grpc_loops
from bongsu.server.kernels import KernelLoading
from bongsu.server.limits import AGENTS, QUERY_SAMPLES, STREAMS, LimitGauges, ProjectLimits
from bongsu.server.maintenance import Maintenance
from bongsu.server.people import make_people, people_loops
from bongsu.server.projects import ProjectKeeper
from bongsu.server.self_watch import SelfWatch
from bongsu.server.stores import ProjectStores
from bongsu.server.targets import TargetFeed
from bongsu.server.trials import TargetTrials
from bongsu.storage.limited import LimitMetrics
from bongsu.tsdb import TsdbStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from prometheus_client import CollectorRegistry
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.control.bootstrap import Bootstrap
    from bongsu.runtime.clock import Clock
    from bongsu.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What every part is given: settings, time, own metrics, a logger, and word of the end.

    Attributes
    ----------
    port
        On which the server listens.
    """

    settings: Settings
    clock: Clock
    registry: CollectorRegistry
    log: FilteringBoundLogger
    stopping: Callable[[], bool]
    port: int = 0

    def logger(self, part: str) -> FilteringBoundLogger:
        """Return the logger of one part."""
        logger: FilteringBoundLogger = self.log.bind(part=part)
        return logger


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


@dataclass(frozen=True, slots=True)
class _Opened:
    """What was read from the data folder, and the stack that closes it again."""

    stack: contextlib.ExitStack
    control: ControlPlane
    stores: ProjectStores
    refusals: LimitMetrics
    backups: Backups
    maintenance: Maintenance
    start: Bootstrap
    url: str
    kernels: KernelLoading


def build(around: Surroundings, url: str, progress: Callable[[str], None]) -> Parts:
    """
    Open the data folder and make all parts. Blocks: for the store's log to be read, and on the first start for kernels.

    Parameters
    ----------
    url
        Address that people are told.
    progress
        Told what is being done, in a few words.
    """
    _describe_process(around.registry)
    with contextlib.ExitStack() as stack:
        kernels = KernelLoading(around.logger("kernels"))
        stack.callback(kernels.end)
        kernels.load_first(progress)
        folder = around.settings.data_folder
        folder.mkdir(parents=True, exist_ok=True)
        progress("opening the store")
        # The store's lock comes before everything else that a second process could touch.
        store = TsdbStore(
            folder / "store", clock=around.clock, registry=around.registry, log=around.logger("store")
        )
        stack.callback(store.close)
        progress("opening the control database")
        refusals = LimitMetrics(around.registry)
        control = _open_control(around, stack, refusals)
        start = bootstrap(control, folder, admin_token=os.environ.get("BONGSU_ADMIN_TOKEN"))
        stores = ProjectStores(store, control, around.settings.limits, around.clock, refusals)
        backups = Backups(
            folder, snapshot_store=store.snapshot, database=control.database, clock=around.clock
        )
        kernels.load_others()
        maintenance = Maintenance(folder, store, stores, around.clock, around.registry)
        opened = _Opened(stack, control, stores, refusals, backups, maintenance, start, url, kernels)
        return _wire(around, opened)
    raise AssertionError("BUG: the exit stack swallowed an error")


def _open_control(around: Surroundings, stack: contextlib.ExitStack, refusals: LimitMetrics) -> ControlPlane:
    database = around.settings.server.database or sqlite_url(around.settings.data_folder / "control.db")
    control = ControlPlane(
        database, around.clock, options.control_options(around.settings), count_refusal=refusals.count
    )
    stack.callback(control.close)
    return control


def _wire(around: Surroundings, opened: _Opened) -> Parts:
    settings, clock, registry = around.settings, around.clock, around.registry
    control, stores = opened.control, opened.stores
    feed = _make_feed(around, opened)
    scraper = _make_scraper(around, feed)
    # The engine asks for a project's limits, and they ask the engine for what is in use.
    apm = _make_apm(
        around, opened, lambda project: ApmLimits(limits.of(project, AGENTS), limits.of(project, STREAMS))
    )
    limits = ProjectLimits(control, stores, opened.refusals, apm.used)
    sessions = BrowserSessions(control.sessions, clock, idle_ms=settings.people.session_idle)
    access = AccessControl(control.keys, clock, registry, sessions=sessions)
    otlp_metrics = OtlpMetricsIngest(options.otlp_settings(settings), store_of=stores.by_id, clock=clock)
    writers = RemoteWriters(clock, registry, describes=options.describes_series(settings))
    keeper = ProjectKeeper(
        control, stores, [apm.remove_project, otlp_metrics.drop_project, writers.drop_project]
    )
    edge = Edge(
        access=access,
        sessions=sessions,
        people=make_people(settings, control, access, sessions, clock, registry, url=opened.url),
        url=opened.url,
        control=control,
        admin_token=opened.start.credentials.admin_token,
        open_store=lambda caller: stores.of(caller.project),
        queries=_open_queries(around, opened, limits),
        targets=feed,
        registry=registry,
        host_targets=feed,
        apm=apm,
        otlp_metrics=otlp_metrics,
        writers=writers,
        imports=ImportMetrics(registry),
        drop_data=keeper.drop,
        test_target=TargetTrials(control, scraper, feed.to_scrape),
        stopping=around.stopping,
        limit_counts=limits.counts,
        backup_parts=opened.backups.parts,
        maintenance=opened.maintenance,
    )
    loops: list[Callable[[], Coroutine[None, None, None]]] = [
        feed.follow_changes,
        feed.flush_regularly,
        scraper.run,
        apm.run,
        keeper.follow_changes,
        LimitGauges(control, limits, clock, registry).run,
        *_self_watch(around, opened),
        *grpc_loops(edge, settings, around.logger("otlp-grpc")),
        functools.partial(access.note_uses, control.keys.note_use),
        *people_loops(settings, control, sessions, clock, around.logger("people")),
    ]
    # Before all else that ends: a query that waits for a kernel would be waited for.
    opened.stack.callback(opened.kernels.end)
    return Parts(
        routes=all_routes(edge, settings, clock, around.logger),
        bootstrap=opened.start,
        console_link=_console_link(opened),
        _loops=loops,
        _closers=opened.stack.pop_all(),
    )


def _make_feed(around: Surroundings, opened: _Opened) -> TargetFeed:
    return TargetFeed(
        opened.control,
        opened.stores.by_id,
        around.settings.scrape,
        around.clock,
        own_ports=_own_ports(around),
        count_refusal=opened.refusals.count,
    )


def _make_scraper(around: Surroundings, feed: TargetFeed) -> Scraper:
    return Scraper(
        feed.board,
        feed,
        clock=around.clock,
        registry=around.registry,
        log=around.logger("scrape"),
        user_agent=f"Bongsu/{__version__}",
        max_bytes_in_flight=around.settings.scrape.max_bytes_in_flight,
        describes=options.describes_series(around.settings),
        keeps_starts=options.keeps_starts(around.settings),
    )


def _make_apm(around: Surroundings, opened: _Opened, limits_of: Callable[[str], ApmLimits]) -> ApmEngine:
    """Return the engine with the state that an earlier process left; it leaves its own when the parts are closed."""
    apm = ApmEngine(
        options.apm_settings(around.settings),
        secret=secrets.token_bytes(32),
        store_of=opened.stores.own,
        clock=around.clock,
        registry=around.registry,
        log=around.logger("apm"),
        limits_of=limits_of,
        count_refusal=opened.refusals.count,
        visitors=VisitorFiles(around.settings.data_folder / "visitors", around.logger("apm")),
    )
    state_file = around.settings.data_folder / "apm.state"
    apm.load(state_file)
    opened.stack.callback(
        apm.save, state_file
    )  # before the stores are closed: it writes the ticks that are due
    return apm


def _own_ports(around: Surroundings) -> frozenset[int]:
    """Return the ports on which this server listens."""
    _, _, grpc_port = around.settings.otlp.grpc_listen.rpartition(":")
    return frozenset({around.port, int(grpc_port) if grpc_port.isdecimal() else 0} - {0})


def _self_watch(around: Surroundings, opened: _Opened) -> list[Callable[[], Coroutine[None, None, None]]]:
    """Return the loop that stores the server's own metrics in the first project, if that is wanted."""
    project_id = opened.start.credentials.project_id
    if around.settings.server.watch_itself != "yes" or not project_id:
        return []
    watch = SelfWatch(
        around.registry,
        lambda: opened.stores.by_id(project_id),
        instance=urlsplit(opened.url).netloc,
        clock=around.clock,
        log=around.logger("self"),
        describes=options.describes_series(around.settings),
    )
    return [watch.run]


def _open_queries(around: Surroundings, opened: _Opened, limits: ProjectLimits) -> QueryService:
    engine = Engine(options.engine_options(around.settings))
    opened.stack.callback(engine.close)
    cache = ResultCache(
        max_bytes=around.settings.query.cache_bytes,
        features=around.settings.features,
        registry=around.registry,
    )
    queries = QueryService(
        engine,
        limits=options.query_limits(around.settings),
        clock=around.clock,
        registry=around.registry,
        log=around.logger("query"),
        cache=cache,
        max_samples_of=lambda project_id: limits.of(project_id, QUERY_SAMPLES),
        count_refusal=lambda project_id: opened.refusals.count(project_id, QUERY_SAMPLES, 1),
    )
    opened.stack.callback(queries.close)
    return queries


def _describe_process(registry: CollectorRegistry) -> None:
    """Add what every process tells of itself; tools that detect a Prometheus look for its build info."""
    ProcessCollector(registry=registry)
    for name in ("bongsu_build_info", "prometheus_build_info"):
        Gauge(name, "The version that runs.", ["version"], registry=registry).labels(__version__).set(1)


def _console_link(opened: _Opened) -> str:
    """Return the console's address, at the first start with a token that signs a browser in once."""
    start, url = opened.start, opened.url
    key_id = start.credentials.appkey.partition(".")[0]
    if not start.made_project or not key_id:
        return f"{url}/console/"
    return f"{url}/console/?once={opened.control.sessions.link_for_operator(key_id)}"
