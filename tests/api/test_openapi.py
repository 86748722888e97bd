"""The OpenAPI documents say what the routes do: no more, no less, and for generated input too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette
from starlette.routing import Route
from tests.support.control_app import ADMIN_TOKEN, control_routes

from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.routing import BaseRoute

    from bongsu.control.projects import NewProject

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENTS = {"/v1.0": "/v1.0/openapi.json", "/admin/v1": "/admin/v1/openapi.json"}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    plane = ControlPlane(sqlite_url(tmp_path / "control.db"), ManualClock())
    yield plane
    plane.close()


@pytest.fixture
def routes(plane: ControlPlane) -> list[BaseRoute]:
    return control_routes(plane, ManualClock(), [])


@pytest.fixture
def project(plane: ControlPlane) -> NewProject:
    return plane.projects.create({"name": "alpha"})


async def methods_of(routes: list[BaseRoute], app: Starlette, prefix: str) -> dict[str, set[str]]:
    """Return what each path names as allowed when it is asked for a method that no path has."""
    paths = [
        route.path for route in routes if isinstance(route, Route) and route.path.startswith(f"{prefix}/")
    ]
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    found = {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://bongsu") as client:
        for path in paths:
            answer = await client.request("OPTIONS", path, headers=headers)
            if answer.status_code == 405 and path not in DOCUMENTS.values():
                found[path] = set(answer.headers["allow"].lower().split(", ")) - {"head"}
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("prefix", DOCUMENTS)
async def test_every_route_and_method_is_documented_and_nothing_else(
    routes: list[BaseRoute], prefix: str
) -> None:
    app = Starlette(routes=routes)
    schema = schemathesis.openapi.from_asgi(DOCUMENTS[prefix], app)
    documented = {path: set(calls) - {"parameters"} for path, calls in schema.raw_schema["paths"].items()}

    assert documented == await methods_of(routes, app, prefix)


@pytest.mark.parametrize("prefix", DOCUMENTS)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_generated_requests_are_answered_as_documented(
    plane: ControlPlane, routes: list[BaseRoute], project: NewProject, prefix: str, mode: GenerationMode
) -> None:
    """Good and bad requests alike, against ids that exist and ids that do not."""
    schema = schemathesis.openapi.from_asgi(DOCUMENTS[prefix], Starlette(routes=routes))
    headers = {"X-TC-APP-KEY": project.appkey, "Authorization": f"Bearer {ADMIN_TOKEN}"}
    ids = existing_ids(plane, project)

    for found in schema.get_all_operations():
        assert isinstance(found, Ok), f"the document is wrong: {found}"
        operation = found.ok()
        known = {name: value for name, value in ids.items() if f"{{{name}}}" in operation.path}
        if operation.definition.raw["operationId"] == "deleteProject":
            known = {}  # everything else needs the project
        # Each by itself: what cannot be drawn for one of many would discard the draws of all.
        cases = operation.as_strategy(generation_mode=mode, path_parameters=known or None)
        _check_all(cases, headers)


def _check_all(cases: st.SearchStrategy[schemathesis.Case[Any]], headers: dict[str, str]) -> None:
    @given(case=cases)
    @settings(
        max_examples=6,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    check()


def existing_ids(plane: ControlPlane, new: NewProject) -> dict[str, Any]:
    owner = new.project
    server = plane.servers.create(owner, {"hostNm": "web", "svrIp": "10.0.0.1"})
    job = plane.workspaces.create(owner, "kr", {"jobName": "app", "metricsPath": "/m"})
    target_id = plane.targets.create(owner, job.job_id, {"hostId": server.host_id, "port": 1})
    return {
        "projectId": owner.project_id,
        "jobId": job.job_id,
        "targetId": target_id,
        "hostId": server.host_id,
        "keyId": plane.keys.all(owner.project_id)[0].key_id,
    }
