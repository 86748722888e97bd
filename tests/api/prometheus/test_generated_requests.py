"""Requests that are generated from the OpenAPI document are answered as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable, UnsatisfiedAssumption
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette
from tests.support.prometheus_api import PrometheusApi, put

from bongsu.api.prometheus.routes import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator


def never_500(_context: Any, response: Any, _case: Any) -> None:
    """A time-out of a query that asks for one is a 503, and no fault of the server."""
    assert response.status_code != 500, response.text


CHECKS: list[Any] = [
    never_500,
    status_code_conformance,
    content_type_conformance,
]
"""The shape of answers is held against the document by `test_openapi`: this tool does not know tuples inside alternatives."""

ELSEWHERE = frozenset({"postRead"})
"""Its body is compressed protobuf, which the document cannot generate; `test_read` sends it."""


@pytest.fixture
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi()
    api.stopping = True  # a stream that does not end by itself ends at once
    put(api.stores["alpha"], {"__name__": "up", "job": "node"}, [1.0, 2.0])
    yield api
    api.close()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_generated_requests_are_answered_as_documented(api: PrometheusApi, mode: GenerationMode) -> None:
    """Good requests, and ones that break the document: these are answered as well, and by no fault of the server."""
    schema = schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.yaml", Starlette(routes=api.routes))
    headers = {"X-TC-APP-KEY": api.key["alpha"]}

    @given(data=st.data())
    @settings(
        max_examples=2,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def check(data: st.DataObject) -> None:
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), f"the document is wrong: {found}"
            operation = found.ok()
            if operation.definition.raw["operationId"] in ELSEWHERE:
                continue
            try:
                case = data.draw(operation.as_strategy(generation_mode=mode))
            except (Unsatisfiable, UnsatisfiedAssumption):
                continue  # nothing can be wrong with an operation that takes nothing
            case.call_and_validate(headers=headers, checks=CHECKS)

    check()
