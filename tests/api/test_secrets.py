"""No key material leaves by any other way than the one answer that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from starlette.applications import Starlette
from structlog.testing import capture_logs
from tests.support.access import make_request

from bongsu.api import admin, sysmon
from bongsu.api.access import AccessControl
from bongsu.api.admin.token import AdminToken
from bongsu.api.errors import Unauthorized
from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.control.values import Scope
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

    from bongsu.control.values import Project

pytestmark = pytest.mark.anyio

ADMIN = "an-admin-token-that-nobody-sees"


def fail(_project: Project, _region: str) -> None:
    raise RuntimeError("unexpected")


def contents(folder: Path) -> list[str]:
    return [file.read_bytes().decode("latin-1") for file in folder.iterdir()]


async def test_secrets_are_in_no_answer_log_metric_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call is made with good, wrong and misplaced keys; one of them fails in the server."""
    clock, registry = ManualClock(), CollectorRegistry()
    plane = ControlPlane(sqlite_url(tmp_path / "control.db"), clock)
    alpha, beta = (plane.projects.create({"name": name}) for name in ("alpha", "beta"))
    rotated = plane.keys.rotate(alpha.project.project_id, alpha.token.partition(".")[0], overlap_ms=1000)
    access = AccessControl(plane.keys, clock, registry)
    monkeypatch.setattr(plane.workspaces, "all", fail)
    texts: list[str] = []
    with capture_logs() as logs:
        log = structlog.get_logger()
        app = Starlette(
            routes=[
                *sysmon.routes(access=access, control=plane, log=log),
                *admin.routes(
                    token=AdminToken(ADMIN), control=plane, drop_data=lambda _: None, clock=clock, log=log
                ),
            ]
        )
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bongsu") as client:
            for key in (alpha.appkey, alpha.token, beta.appkey, rotated.text, alpha.appkey + "x", ADMIN):
                for url in (
                    f"/v1.0/projects/{alpha.project.project_id}/jobs",
                    f"/v1.0/projects/{alpha.project.project_id}/servers",
                    f"/admin/v1/projects/{alpha.project.project_id}/keys",
                    "/admin/v1/audit",
                    "/v1.0/nothing",
                ):
                    headers = {
                        "X-TC-APP-KEY": key,
                        "Authorization": f"Bearer {key}",
                        "X-SYSMON-REGION": "kr",
                        "Content-Type": "application/json",
                    }
                    for method in ("GET", "POST", "PATCH"):
                        answer = await client.request(method, url, headers=headers, content=b"{")
                        texts += [answer.text, str(answer.headers)]
    plane.close()
    texts += [str(logs), generate_latest(registry).decode()]
    texts += contents(tmp_path)
    secrets = [key.partition(".")[2] for key in (alpha.appkey, alpha.token, beta.appkey, rotated.text)]

    assert any("unexpected" in str(entry) or entry.get("event") == "request failed" for entry in logs)
    assert [] == [text[:200] for text in texts for secret in [*secrets, ADMIN] if secret in text]


async def test_a_key_revoked_by_another_process_is_refused_within_a_second(tmp_path: Path) -> None:
    clock = ManualClock()
    here, there = (ControlPlane(sqlite_url(tmp_path / "control.db"), clock) for _ in range(2))
    project = here.projects.create({"name": "alpha"})
    access = AccessControl(here.keys, clock, CollectorRegistry())
    request = make_request({"x-tc-app-key": project.appkey})
    await access.require(request, Scope.READ)
    there.keys.revoke(project.project.project_id, project.appkey.partition(".")[0])
    await clock.advance(0.999)

    with pytest.raises(Unauthorized):
        await access.require(request, Scope.READ)
    here.close()
    there.close()
