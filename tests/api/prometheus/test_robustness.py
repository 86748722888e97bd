"""Any parameters whatsoever: an answer or a declared error, never a failure of the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put

from bongsu.api.prometheus.openapi import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.api.prometheus.openapi import Operation

NOW_S = NOW_MS // 1000
DECLARED = {200, 204, 400, 404, 405, 413, 415, 422, 503}

PLAUSIBLE = [
    "up", "up[5m]", "rate(up[1m])", "1", '"a"', "{", "sum by(job)(up)", "up offset -1w", "up @ 1e300", "1e308*10",
    'label_replace(up,"a","$1","job","(.*)")', "0", "-1", "1e300", "NaN", "Inf", str(NOW_S), "2015-07-01T20:10:51.781Z",
    "15s", "5m", "1ms", "9" * 40, "true", "all", "alpha", "score", "jarowinkler", "\x00", "한", "\U0001f600",
    '{__name__=~".*"}', '{__name__!=""}', '{"a.b"="c"}',
]  # fmt: skip
"""What is close to being right goes deeper than what is not."""

VALUES = st.one_of(st.sampled_from(PLAUSIBLE), st.text(max_size=30))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), VALUES)
BODIES = st.one_of(st.binary(max_size=60), VALUES.map(str.encode))
CONTENT_TYPES = st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", ""])


@pytest.fixture(scope="module")
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi()
    api.stopping = True  # a stream that does not end by itself ends at once
    put(api.stores["alpha"], {"__name__": "up", "job": "node"}, [1.0, 2.0, 3.0])
    yield api
    api.close()


def send(
    api: PrometheusApi,
    method: str,
    path: str,
    *,
    params: object = None,
    json: object = None,
    content: bytes | None = None,
    content_type: str = "",
) -> int:
    async def once() -> int:
        async with api.client() as client:
            request = client.build_request(method, path, params=params, json=json, content=content)  # type: ignore[arg-type]
            if content is not None:
                request.headers["Content-Type"] = content_type
            answer = await client.send(request)
            if answer.headers.get("content-type") == "application/json":
                assert answer.json()["status"] in {"success", "error"}
            return answer.status_code

    return asyncio.run(once())


def names_of(operation: Operation) -> list[str]:
    return [*operation.required, *operation.optional, "unknown"]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_parameters_get_a_declared_answer(api: PrometheusApi, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from([o for o in OPERATIONS if o.path != "/read"]))
    method = data.draw(st.sampled_from(operation.methods)).upper()
    names = st.sampled_from(names_of(operation))
    label = data.draw(st.sampled_from(["job", "U__a_2e_b", "%ff", "a%2Fb"]))
    path = operation.path.replace("{name}", label)
    params = data.draw(st.dictionaries(names, st.one_of(VALUES, st.lists(VALUES, max_size=3)), max_size=6))

    assert send(api, method, path, params=params) in DECLARED


@given(st.dictionaries(st.sampled_from(["query", "time", "start", "end", "step", "match[]", "limit"]), st.one_of(LEAVES, st.lists(LEAVES, max_size=3), st.dictionaries(st.text(max_size=3), LEAVES, max_size=2)), max_size=6), st.sampled_from(["/query", "/query_range", "/series", "/labels"]))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_any_json_body_gets_a_declared_answer(api: PrometheusApi, body: dict[str, object], path: str) -> None:
    try:
        status = send(api, "POST", path, json=body)
    except ValueError:  # the client cannot write NaN as JSON
        return

    assert status in DECLARED


@given(BODIES, CONTENT_TYPES, st.sampled_from(["/query", "/series", "/read"]))
@settings(max_examples=80, deadline=None)
def test_any_bytes_as_body_get_a_declared_answer(
    api: PrometheusApi, body: bytes, content_type: str, path: str
) -> None:
    assert send(api, "POST", path, content=body, content_type=content_type) in DECLARED
