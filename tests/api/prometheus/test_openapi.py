"""The OpenAPI document, held against the routes and against what they answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import Route
from tests.support.json_schema import faults
from tests.support.prometheus_api import NOW_MS, NotedMaintenance, PrometheusApi, put

from bongsu.api.prometheus.endpoint import Endpoint
from bongsu.api.prometheus.openapi import OPERATIONS, document
from bongsu.api.prometheus.routes import PREFIX
from bongsu.api.prometheus.targets import TargetView
from bongsu.model.samples import Exemplar, MetricMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[3] / "docs" / "api" / "prometheus.md"
SPAN = {"start": str(NOW_MS // 1000 - 60), "end": str(NOW_MS // 1000)}
QUERIES = ("up", "up[1m]", "1", '"text"', "nothing")
"""One for every type of result."""


@pytest.fixture
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi(maintenance=NotedMaintenance())
    api.stopping = True  # a stream that does not end by itself ends at once
    store = api.stores["alpha"]
    put(store, {"__name__": "up", "job": "node"}, [1.0, 2.0])
    store.put_metadata([MetricMetadata("up", "gauge", "Up.")])
    store.put_exemplars([0], [Exemplar((("trace_id", "x"),), 1.0, NOW_MS)])
    api.targets.views["alpha"] = [
        TargetView(
            discovered_labels={"__address__": "a"},
            labels={"job": "node"},
            pool="node",
            url="http://a",
            health="up",
            interval_ms=1000,
            timeout_ms=1000,
        )
    ]
    yield api
    api.close()


def routed(api: PrometheusApi) -> dict[str, set[str]]:
    """Return the methods of every path below the prefix, but the last route, which takes what is left."""
    return {
        re.sub(r":path\}", "}", route.path).removeprefix(PREFIX): {m.lower() for m in route.endpoint.methods}
        for route in api.routes
        if isinstance(route, Route)
        and isinstance(route.endpoint, Endpoint)
        and route.path.startswith(PREFIX)
        and route.path != PREFIX + "/{path:path}"
    }


def test_every_route_is_described_with_its_methods(api: PrometheusApi) -> None:
    described = {path: set(item) for path, item in document("1", base=PREFIX)["paths"].items()}

    assert routed(api) == described


def test_every_route_is_on_the_documentation_s_page() -> None:
    text = DOCS.read_text()

    assert [] == [o.path for o in OPERATIONS if f"`{o.path.replace('{name}', 'NAME')}`" not in text]
    names = {name for operation in OPERATIONS for name in (*operation.required, *operation.optional)}
    assert [] == sorted(
        name
        for name in names - {"exclude_alerts", "group_limit", "type", "openapi_version"}
        if f"`{name}`" not in text
    )


def test_every_operation_has_a_name_of_its_own() -> None:
    paths = document("1", base=PREFIX)["paths"]
    names = [item["operationId"] for methods in paths.values() for item in methods.values()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("version", ["3.1", "3.2"])
async def test_the_document_is_served_without_a_key(api: PrometheusApi, version: str) -> None:
    async with api.client(key="") as client:
        response = await client.get("/openapi.yaml", params={"openapi_version": version})
        unknown = await client.get("/openapi.yaml", params={"openapi_version": "2.0"})

    assert "application/yaml" == response.headers["content-type"]
    assert response.json()["openapi"].startswith(version)
    assert 400 == unknown.status_code


def examples(path: str) -> list[dict[str, Any]]:
    """Return parameters with which a path gives an answer worth looking at."""
    if path == "/query":
        return [{"query": query, "stats": "all"} for query in QUERIES]
    if path == "/query_range":
        return [{"query": query, "step": "15", **SPAN} for query in ("up", "1", "nothing")]
    if path == "/search/metric_names":
        return [{"include_score": "1", "include_metadata": "1"}]
    return [{"query": "up", "match[]": "up", "label": "job", "scrapePool": "node", "labels": '{"a": "b"}'}]


@pytest.mark.parametrize(
    "operation",
    # Events are read in `test_endpoints`.
    [o for o in OPERATIONS if "get" in o.methods and o.media_type != "text/event-stream"],
    ids=lambda o: str(o.path),
)
async def test_answers_are_of_the_described_shape(api: PrometheusApi, operation: Any) -> None:
    responses = document("1", base=PREFIX)["paths"][operation.path]["get"]["responses"]
    schema = responses["200"]["content"][operation.media_type]["schema"]
    async with api.client() as client:
        for parameters in examples(operation.path):
            answer = await client.get(operation.path.replace("{name}", "job"), params=parameters)
            assert 200 == answer.status_code, answer.text
            assert answer.headers["content-type"].startswith(operation.media_type)
            lines = answer.text.splitlines() if "ndjson" in operation.media_type else [answer.text]
            assert [] == [fault for line in lines for fault in faults(schema, json.loads(line))]


async def test_errors_are_of_the_described_shape(api: PrometheusApi) -> None:
    schema = document("1", base=PREFIX)["components"]["schemas"]["Error"]
    async with api.client() as client:
        answers = [await client.get("/query"), await client.put("/query"), await client.get("/none")]
    async with api.client(key="") as client:
        answers.append(await client.get("/query"))

    assert [400, 405, 404, 401] == [answer.status_code for answer in answers]
    assert [[], [], [], []] == [faults(schema, answer.json()) for answer in answers]
