"""All paths of the Prometheus API, wired to their handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response
from starlette.routing import Route

from bongsu.api.prometheus.admin import TsdbAdmin
from bongsu.api.prometheus.caller import Admission
from bongsu.api.prometheus.endpoint import Endpoint, unknown_path
from bongsu.api.prometheus.export_data import DataExport
from bongsu.api.prometheus.features import feature_table
from bongsu.api.prometheus.federate import Federation
from bongsu.api.prometheus.lookups import Lookups
from bongsu.api.prometheus.notifications import Notifications
from bongsu.api.prometheus.openapi import VERSIONS, document
from bongsu.api.prometheus.parameters import read_parameters
from bongsu.api.prometheus.queries import Queries
from bongsu.api.prometheus.read import RemoteRead
from bongsu.api.prometheus.rules import Rules
from bongsu.api.prometheus.search import SearchEndpoints
from bongsu.api.prometheus.self_metrics import SelfMetrics
from bongsu.api.prometheus.status import Status
from bongsu.api.prometheus.targets import Targets
from bongsu.api.respond import text_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl
    from bongsu.api.errors import Handler
    from bongsu.api.prometheus.admin import Maintenance, Trail
    from bongsu.api.prometheus.caller import OpenStore
    from bongsu.api.prometheus.status import StatusFacts
    from bongsu.api.prometheus.targets import TargetListing
    from bongsu.api.whole import AtOnce
    from bongsu.query.service import QueryService
    from bongsu.runtime.clock import Clock

BASE = "/prometheus"
"""What a data source's URL ends with."""

PREFIX = f"{BASE}/api/v1"

LABEL_VALUES = "/label/{name:path}/values"

_PAGES = {
    # Clients of a Prometheus look for these below its base path, without a key; all is well when they are reached.
    "": "Bongsu's Prometheus API is below api/v1.\n",
    "/": "Bongsu's Prometheus API is below api/v1.\n",
    "/-/healthy": "Bongsu is Healthy.\n",
    "/-/ready": "Bongsu is Ready.\n",
    "/health": "OK",  # what importers of VictoriaMetrics look for
}

_READ = ("GET", "POST")
_GET = ("GET",)
_CHANGE = ("POST", "PUT")


def routes(
    *,
    access: AccessControl,
    open_store: OpenStore,
    queries: QueryService,
    targets: TargetListing,
    facts: StatusFacts,
    features: frozenset[str],
    clock: Clock,
    log: FilteringBoundLogger,
    registry: CollectorRegistry,
    lookback_ms: int = 300_000,
    maintenance: Maintenance | None = None,
    trail: Trail | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> list[BaseRoute]:
    """
    Return the routes of the query side of the API; those of other parts below the prefix must come before them.

    The last route takes every other path below the prefix, so that a wrong one is answered in the API's envelope.

    Parameters
    ----------
    open_store
        Gives the store of whom a request acts for.
    targets
        Knows the scrape targets of each project.
    facts
        What the server tells about itself.
    features
        Names of the features that are switched on.
    registry
        The server's own metrics.
    lookback_ms
        How old the newest sample of a series may be in federation; the engine's own lookback.
    maintenance
        What the store offers beyond reading and deleting; None when nothing.
    trail
        Where deletions are written down.
    stopping
        Whether the server is about to stop: streams without an end are closed then.
    """
    admission = Admission(access, open_store)
    asked, looked_up = Queries(admission, queries, clock, features), Lookups(admission, clock, features)
    at_once: dict[str, AtOnce] = {
        "/query": asked.query_at_once,
        "/query_range": asked.query_range_at_once,
        "/labels": looked_up.labels_at_once,
        LABEL_VALUES: looked_up.label_values_at_once,
        "/series": looked_up.series_at_once,
    }
    paths: list[tuple[str, tuple[str, ...], Handler]] = [
        *_query_paths(asked, looked_up),
        *_search_paths(SearchEndpoints(admission, clock)),
        *_target_paths(Targets(admission, targets, clock), Rules(admission)),
        *_status_paths(Status(admission, facts, feature_table(features), clock)),
        ("/status/self_metrics", _GET, SelfMetrics(admission, registry).show),
        *_notification_paths(Notifications(admission, facts, clock, stopping=stopping)),
        *_admin_paths(TsdbAdmin(admission, maintenance, trail)),
        ("/export", _READ, DataExport(admission).export),
    ]
    routed: list[BaseRoute] = [
        Route(PREFIX + path, Endpoint(dict.fromkeys(methods, handler), log, at_once=at_once.get(path)))
        for path, methods, handler in paths
    ]
    federation = Federation(admission, clock, lookback_ms)
    routed.append(Route(f"{BASE}/federate", Endpoint({"GET": federation.federate}, log)))
    routed += [Route(BASE + path, Endpoint({"GET": _says(text)}, log)) for path, text in _PAGES.items()]
    lifecycle = Endpoint(dict.fromkeys(_CHANGE, _says("Lifecycle API is not enabled.", status=403)), log)
    routed += [Route(f"{BASE}/-/{action}", lifecycle) for action in ("reload", "quit")]
    remote_read = RemoteRead(access, open_store)
    routed.append(Route(f"{PREFIX}/read", Endpoint({"POST": remote_read.read}, log)))
    routed.append(Route(f"{PREFIX}/openapi.yaml", Endpoint({"GET": _openapi(facts.version)}, log)))
    routed.append(Route(PREFIX + "/{path:path}", unknown_path(log)))
    return routed


def _says(text: str, *, status: int = 200) -> Handler:
    async def page(_: Request) -> Response:
        return text_response(text, status=status)

    return page


def _openapi(version: str) -> Handler:
    async def describe(request: Request) -> Response:
        wanted = (await read_parameters(request)).choice("openapi_version", tuple(VERSIONS), "3.1")
        # Every JSON document is a YAML document (YAML 1.2.2, section 1.2).
        content = orjson.dumps(document(version, openapi=wanted, base=PREFIX), option=orjson.OPT_INDENT_2)
        return Response(content, media_type="application/yaml")

    return describe


def _query_paths(queries: Queries, lookups: Lookups) -> list[tuple[str, tuple[str, ...], Handler]]:
    return [
        ("/query", _READ, queries.query),
        ("/query_range", _READ, queries.query_range),
        ("/query_exemplars", _READ, lookups.exemplars),
        ("/explain_query", _READ, queries.explain_query),
        ("/format_query", _READ, queries.format_query),
        ("/parse_query", _READ, queries.parse_query),
        ("/labels", _READ, lookups.labels),
        (LABEL_VALUES, _GET, lookups.label_values),
        ("/series", _READ, lookups.series),
        ("/metadata", _GET, lookups.metadata),
    ]


def _search_paths(search: SearchEndpoints) -> list[tuple[str, tuple[str, ...], Handler]]:
    return [
        ("/search/metric_names", _READ, search.metric_names),
        ("/search/label_names", _READ, search.label_names),
        ("/search/label_values", _READ, search.label_values),
    ]


def _target_paths(targets: Targets, rules: Rules) -> list[tuple[str, tuple[str, ...], Handler]]:
    return [
        ("/targets", _GET, targets.targets),
        ("/targets/metadata", _GET, targets.metadata),
        ("/targets/relabel_steps", _GET, targets.relabel_steps),
        ("/scrape_pools", _GET, targets.scrape_pools),
        ("/scrape_pools/config", _GET, targets.pool_config),
        ("/rules", _GET, rules.rules),
        ("/alerts", _GET, rules.alerts),
        ("/alertmanagers", _GET, rules.alertmanagers),
    ]


def _status_paths(status: Status) -> list[tuple[str, tuple[str, ...], Handler]]:
    return [
        # By POST too: older data sources ask with the method that they are set to.
        ("/status/buildinfo", _READ, status.build_info),
        ("/status/config", _GET, status.config),
        ("/status/flags", _GET, status.flags),
        ("/status/runtimeinfo", _GET, status.runtime_info),
        ("/status/tsdb", _GET, status.tsdb),
        ("/status/walreplay", _GET, status.wal_replay),
        ("/features", _GET, status.features),
    ]


def _notification_paths(notifications: Notifications) -> list[tuple[str, tuple[str, ...], Handler]]:
    return [
        ("/notifications", _GET, notifications.now),
        ("/notifications/live", _GET, notifications.live),
    ]


def _admin_paths(admin: TsdbAdmin) -> list[tuple[str, tuple[str, ...], Handler]]:
    return [
        ("/status/tsdb/blocks", _GET, admin.blocks),
        ("/admin/tsdb/delete_series", _CHANGE, admin.delete_series),
        ("/admin/tsdb/clean_tombstones", _CHANGE, admin.clean_tombstones),
        ("/admin/tsdb/snapshot", _CHANGE, admin.snapshot),
    ]
