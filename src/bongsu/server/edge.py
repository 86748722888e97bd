"""The routes of all APIs, in the order in which they are tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bongsu.api.admin.routes import routes as admin_routes
from bongsu.api.admin.token import AdminToken
from bongsu.api.agents.routes import routes as agent_routes
from bongsu.api.console.limits import ConsoleLimits
from bongsu.api.console.routes import routes as console_routes
from bongsu.api.cors import Cors
from bongsu.api.openapm.callers import Callers
from bongsu.api.openapm.routes import routes as openapm_routes
from bongsu.api.otlp.routes import routes as otlp_routes
from bongsu.api.prometheus.import_data import import_routes
from bongsu.api.prometheus.routes import routes as prometheus_routes
from bongsu.api.prometheus.write import write_routes
from bongsu.api.sysmon.routes import routes as sysmon_routes
from bongsu.server import options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client import CollectorRegistry
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.api.agents.routes import HostTargets
    from bongsu.api.browser_sessions import BrowserSessions
    from bongsu.api.console.routes import People
    from bongsu.api.prometheus.targets import TargetListing
    from bongsu.apm.engine import ApmEngine
    from bongsu.control.limits import LimitCount
    from bongsu.control.plane import ControlPlane
    from bongsu.ingest.imports import ImportMetrics
    from bongsu.ingest.otlp_metrics import OtlpMetricsIngest
    from bongsu.ingest.remote_writers import RemoteWriters
    from bongsu.query.service import QueryService
    from bongsu.runtime.clock import Clock
    from bongsu.server.maintenance import Maintenance
    from bongsu.server.settings import Settings
    from bongsu.server.trials import TargetTrials
    from bongsu.storage.contract import ProjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What the APIs stand on."""

    access: AccessControl
    sessions: BrowserSessions
    people: People
    url: str
    control: ControlPlane
    admin_token: str
    open_store: Callable[[ProjectAccess], ProjectStore]
    queries: QueryService
    targets: TargetListing
    registry: CollectorRegistry
    apm: ApmEngine
    otlp_metrics: OtlpMetricsIngest
    writers: RemoteWriters
    host_targets: HostTargets
    imports: ImportMetrics
    drop_data: Callable[[str], None]
    test_target: TargetTrials
    stopping: Callable[[], bool]
    limit_counts: Callable[[str], Mapping[str, LimitCount]]
    backup_parts: Callable[[], Iterator[bytes]]
    maintenance: Maintenance


def all_routes(
    edge: Edge, settings: Settings, clock: Clock, logger: Callable[[str], FilteringBoundLogger]
) -> list[BaseRoute]:
    """
    Return the routes of every API.

    Those that take telemetry come first: they are called most, and some lie below the prefix of the query API, whose last
    route takes all that is left there.
    """
    routes = [
        *_telemetry_routes(edge, settings, clock, logger),
        *openapm_routes(
            callers=Callers(edge.access, clock, calls_per_second=settings.apm.calls_per_second),
            apm=edge.apm,
            queries=edge.queries,
            open_store=edge.open_store,
            log=logger("openapm"),
        ),
        *prometheus_routes(
            access=edge.access,
            open_store=edge.open_store,
            queries=edge.queries,
            targets=edge.targets,
            facts=options.status_facts(settings, clock.now_ms(), edge.maintenance.damaged_parts),
            maintenance=edge.maintenance,
            trail=edge.control.audit,
            stopping=edge.stopping,
            features=settings.features,
            clock=clock,
            lookback_ms=settings.query.lookback,
            log=logger("prometheus"),
            registry=edge.registry,
        ),
        *_control_routes(edge, settings, clock, logger),
    ]
    return Cors(settings.server.cors_origins).around(routes)


def _telemetry_routes(
    edge: Edge, settings: Settings, clock: Clock, logger: Callable[[str], FilteringBoundLogger]
) -> list[BaseRoute]:
    return [
        *write_routes(
            access=edge.access,
            open_store=edge.open_store,
            writers=edge.writers,
            log=logger("remote-write"),
            limits=options.body_limits(settings),
        ),
        *import_routes(
            access=edge.access,
            open_store=edge.open_store,
            metrics=edge.imports,
            clock=clock,
            log=logger("import"),
            limits=options.body_limits(settings),
        ),
        *otlp_routes(
            access=edge.access,
            apm=edge.apm,
            metrics=edge.otlp_metrics,
            log=logger("otlp"),
            limits=options.otlp_limits(settings),
            body_limits=options.body_limits(settings),
        ),
    ]


def _control_routes(
    edge: Edge, settings: Settings, clock: Clock, logger: Callable[[str], FilteringBoundLogger]
) -> list[BaseRoute]:
    return [
        *sysmon_routes(
            access=edge.access,
            control=edge.control,
            log=logger("sysmon"),
            time_zone=options.time_zone(settings),
            test_target=edge.test_target,
        ),
        *agent_routes(
            access=edge.access, control=edge.control, targets=edge.host_targets, log=logger("agents")
        ),
        *admin_routes(
            token=AdminToken(edge.admin_token),
            control=edge.control,
            drop_data=edge.drop_data,
            limit_counts=edge.limit_counts,
            backup_parts=edge.backup_parts,
            store=edge.maintenance,
            test_target=edge.test_target,
            sessions=edge.sessions,
            hashing=edge.people.sign_in.hashing,
            url=edge.url,
            clock=clock,
            log=logger("admin"),
        ),
        *console_routes(
            access=edge.access,
            people=edge.people,
            clock=clock,
            log=logger("console"),
            keys=edge.control.keys,
            layouts=edge.control.layouts,
            ticks=edge.apm,
            stopping=edge.stopping,
            limits=ConsoleLimits(edge.access, edge.control.projects, edge.limit_counts),
        ),
    ]
