"""
The API as an OpenAPI document.

One table says what each path takes and gives; a test holds it against the routes, and the answers against its schemas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bongsu.api.prometheus import openapi_schemas as schemas
from bongsu.control.values import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, Any]  # a JSON object of any depth

VERSIONS: Mapping[str, str] = {"3.1": "3.1.1", "3.2": "3.2.0"}
"""Values of the parameter `openapi_version`, and the version that the document then names."""

_READ = ("get", "post")
_GET = ("get",)
_CHANGE = ("post", "put")
_RANGE = ("start", "end")
_SEARCH = (
    "search[]", "fuzz_threshold", "fuzz_alg", "case_sensitive", "sort_by", "sort_dir", "include_score",
    "match[]", *_RANGE, "limit", "batch_size",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    One path.

    Attributes
    ----------
    data
        Schema of the answer's `data`; None when the answer is 204 without a body.
    required, optional
        Names of the parameters.
    media_type
        That of the answer; the envelope is around `data` only in JSON.
    scope
        What the key needs; None for paths that need no key.
    """

    path: str
    summary: str
    methods: tuple[str, ...] = _GET
    data: Json | None = field(default_factory=dict)
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    media_type: str = "application/json"
    scope: Scope | None = Scope.READ


_QUERY_OPTIONS = ("timeout", "limit", "lookback_delta", "stats")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        path="/query", methods=_READ, summary="Evaluate an expression at one moment",
        required=("query",), optional=("time", *_QUERY_OPTIONS), data=schemas.QUERY_DATA,
    ),
    Operation(
        path="/query_range", methods=_READ, summary="Evaluate an expression at every step of a range",
        required=("query", *_RANGE, "step"), optional=(*_QUERY_OPTIONS, "nocache"), data=schemas.QUERY_DATA,
    ),
    Operation(
        path="/query_exemplars", methods=_READ, summary="Exemplars of the series that an expression selects",
        required=("query",), optional=_RANGE, data=schemas.EXEMPLARS,
    ),
    Operation(
        path="/explain_query", methods=_READ, summary="How an expression is evaluated, and with run=true what each step costs",
        required=("query",), optional=("time", *_RANGE, "step", "run", "timeout", "lookback_delta"),
        data={"type": "object"},
    ),
    Operation(
        path="/format_query", methods=_READ, summary="The expression in canonical form",
        required=("query",), data=schemas.TEXT,
    ),
    Operation(
        path="/parse_query", methods=_READ, summary="The syntax tree of the expression",
        required=("query",), data={"type": "object"},
    ),
    Operation(
        path="/labels", methods=_READ, summary="Names of the labels of the matching series",
        optional=("match[]", *_RANGE, "limit"), data=schemas.TEXTS,
    ),
    Operation(
        path="/label/{name}/values", summary="Values of one label in the matching series",
        optional=("match[]", *_RANGE, "limit"), data=schemas.TEXTS,
    ),
    Operation(
        path="/series", methods=_READ, summary="Label sets of the matching series",
        required=("match[]",), optional=(*_RANGE, "limit"), data=schemas.list_of(schemas.LABELS),
    ),
    Operation(
        path="/metadata", summary="Type, help and unit of metrics",
        optional=("metric", "limit", "limit_per_metric"), data=schemas.METADATA,
    ),
    Operation(
        path="/search/metric_names", methods=_READ, summary="Names of metrics that resemble a text",
        optional=(*_SEARCH, "include_metadata"), media_type="application/x-ndjson", data=schemas.SEARCH_LINE,
    ),
    Operation(
        path="/search/label_names", methods=_READ, summary="Names of labels that resemble a text",
        optional=_SEARCH, media_type="application/x-ndjson", data=schemas.SEARCH_LINE,
    ),
    Operation(
        path="/search/label_values", methods=_READ, summary="Values of a label that resemble a text",
        required=("label",), optional=_SEARCH, media_type="application/x-ndjson", data=schemas.SEARCH_LINE,
    ),
    Operation(
        path="/targets", summary="Scrape targets with their health",
        optional=("state", "scrapePool"), data=schemas.TARGETS,
    ),
    Operation(
        path="/targets/metadata", summary="Metadata of the metrics that targets gave lately",
        optional=("match_target", "metric", "limit"), data=schemas.TARGET_METADATA,
    ),
    Operation(
        path="/targets/relabel_steps", summary="What each relabelling rule of a workspace makes of some labels",
        required=("scrapePool", "labels"), data=schemas.RELABEL_STEPS,
    ),
    Operation(path="/scrape_pools", summary="Names of the workspaces", data=schemas.fields(scrapePools=schemas.TEXTS)),
    Operation(
        path="/scrape_pools/config", summary="How a workspace is scraped, without its secrets",
        required=("scrapePool",), data=schemas.fields(yaml=schemas.TEXT),
    ),
    Operation(
        path="/rules", summary="Rule groups: none are evaluated yet",
        optional=("type", "exclude_alerts", "group_limit"), data=schemas.fields(groups=schemas.list_of({})),
    ),
    Operation(path="/alerts", summary="Alerts: there are none yet", data=schemas.fields(alerts=schemas.list_of({}))),
    Operation(
        path="/alertmanagers", summary="Alertmanagers: there are none yet",
        data=schemas.fields(activeAlertmanagers=schemas.list_of({}), droppedAlertmanagers=schemas.list_of({})),
    ),
    Operation(
        path="/status/buildinfo", methods=_READ, summary="Version of the server", data=schemas.map_of(schemas.TEXT)
    ),
    Operation(path="/status/config", summary="Settings as YAML", data=schemas.fields(yaml=schemas.TEXT)),
    Operation(path="/status/flags", summary="Settings as flags", data=schemas.map_of(schemas.TEXT)),
    Operation(path="/status/runtimeinfo", summary="The process and the size of the data", data=schemas.RUNTIME),
    Operation(
        path="/status/tsdb", summary="Which names and values make the series",
        optional=("limit",), data=schemas.TSDB,
    ),
    Operation(path="/status/tsdb/blocks", summary="Blocks of older samples", data=schemas.BLOCKS),
    Operation(path="/notifications", summary="What an operator should know", data=schemas.NOTIFICATIONS),
    Operation(
        path="/notifications/live", summary="The same, and then every change, as server-sent events",
        media_type="text/event-stream", data=schemas.TEXT,
    ),
    Operation(path="/status/walreplay", summary="Progress of reading the log", data=schemas.REPLAY),
    Operation(
        path="/status/self_metrics", summary="The server's own metrics",
        optional=("metric_name_pattern",), data=schemas.list_of(schemas.FAMILY),
    ),
    Operation(
        path="/features", summary="What the server has and what is switched on",
        data=schemas.map_of(schemas.map_of({"type": "boolean"})),
    ),
    Operation(
        path="/admin/tsdb/delete_series", methods=_CHANGE, summary="Hide the samples of the matching series",
        required=("match[]",), optional=_RANGE, data=None, scope=Scope.MANAGE,
    ),
    Operation(
        path="/admin/tsdb/clean_tombstones", methods=_CHANGE, summary="Free the space of deleted samples",
        data=None, scope=Scope.MANAGE,
    ),
    Operation(
        path="/admin/tsdb/snapshot", methods=_CHANGE, summary="Keep the data of now under a name",
        optional=("skip_head",), data=schemas.fields(name=schemas.TEXT), scope=Scope.MANAGE,
    ),
    Operation(
        path="/read", methods=("post",), summary="Raw samples by remote read, snappy-compressed protobuf both ways",
        media_type="application/x-protobuf", data={"type": "string", "format": "binary"},
    ),
    Operation(
        path="/export", methods=_READ, summary="Everything that is stored of the matching series, to be imported elsewhere",
        required=("match[]",), optional=(*_RANGE, "format", "max_rows_per_line"),
        media_type="application/stream+json", data=schemas.EXPORT_LINE,
    ),
    Operation(
        path="/openapi.yaml", summary="This document", optional=("openapi_version",),
        media_type="application/yaml", data={"type": "object"}, scope=None,
    ),
)  # fmt: skip
"""Every path below the prefix but those that take samples in."""


def document(version: str, *, openapi: str = "3.1", base: str) -> Json:
    """Return the OpenAPI document; `openapi` is a key of `VERSIONS`, `base` the path that all others are below."""
    return {
        "openapi": VERSIONS[openapi],
        "info": {
            "title": "Bongsu: Prometheus API",
            "version": version,
            "description": "Queries over the samples of the project whose key the call carries.",
        },
        "servers": [{"url": base}],
        "security": [{"appKey": []}, {"bearer": []}, {"basic": []}],
        "paths": {operation.path: _path_item(operation) for operation in OPERATIONS},
        "components": {"schemas": {"Error": schemas.ERROR}, "securitySchemes": _SECURITY},
    }


_SECURITY: Json = {
    "appKey": {"type": "apiKey", "in": "header", "name": "X-TC-APP-KEY"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The projectId as user, the key as password.",
    },
}


def _path_item(operation: Operation) -> Json:
    return {method: _method(operation, method) for method in operation.methods}


def _method(operation: Operation, method: str) -> Json:
    has_body = method == "post" and operation.methods == _READ
    # With a body, a required parameter may be there as well as in the URL, which OpenAPI cannot say.
    parameters = [_parameter(name, required=not has_body) for name in operation.required]
    parameters += [_parameter(name, required=False) for name in operation.optional]
    if "{name}" in operation.path:
        parameters.insert(0, _PATH_NAME)
    item: Json = {
        "operationId": method + operation.path.title().translate(_NO_PUNCTUATION),
        "summary": operation.summary,
        "parameters": parameters,
        "responses": _responses(operation),
    }
    if operation.scope is None:
        item["security"] = []
    else:
        item["description"] = f"Needs a key with the scope `{operation.scope.value}`."
    if has_body and (operation.required or operation.optional):
        item["requestBody"] = _body(operation)
    return item


_NO_PUNCTUATION = str.maketrans("", "", "/_{}.")
_PATH_NAME: Json = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": schemas.TEXT,
    "description": "Name of the label, escaped as `U__...` where that is easier to send.",
}


def _parameter(name: str, *, required: bool) -> Json:
    schema, description = schemas.PARAMETERS[name]
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}


def _body(operation: Operation) -> Json:
    names = (*operation.required, *operation.optional)
    content = {
        "schema": {"type": "object", "properties": {name: schemas.PARAMETERS[name][0] for name in names}}
    }
    return {
        "required": False,
        "content": {"application/x-www-form-urlencoded": content, "application/json": content},
    }


def _responses(operation: Operation) -> Json:
    if operation.data is None:
        good: Json = {"204": {"description": "Done."}}
    else:
        is_json = operation.media_type == "application/json"
        schema = schemas.envelope(operation.data) if is_json else operation.data
        good = {"200": {"description": "Good.", "content": {operation.media_type: {"schema": schema}}}}
    bad = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return good | {"default": {"description": "What went wrong, and what to change.", "content": bad}}
