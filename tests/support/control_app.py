"""The control plane behind its two APIs, called through ASGI without a socket."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

import httpx
import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from bongsu.api import admin, sysmon
from bongsu.api.access import AccessControl
from bongsu.api.admin.store import StoreReport
from bongsu.api.admin.token import AdminToken
from bongsu.control.plane import ControlPlane
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.routing import BaseRoute

    from bongsu.control.context import ControlOptions
    from bongsu.control.projects import NewProject
    from bongsu.control.values import Project

ADMIN_TOKEN = "the-admin-token"


@dataclass
class ControlApp:
    """A running application, its parts, and the projects ``alpha`` and ``beta``."""

    control: ControlPlane
    clock: ManualClock
    client: httpx.AsyncClient
    alpha: NewProject
    beta: NewProject
    dropped: list[str] = field(default_factory=list)

    async def sysmon(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        project: NewProject | None = None,
        key: str | None = None,
        region: str | None = "kr",
    ) -> httpx.Response:
        """Call ``/v1.0/projects/{projectId}`` + path, as `alpha` in region ``kr`` unless told otherwise."""
        caller = project or self.alpha
        headers = {"X-TC-APP-KEY": caller.appkey if key is None else key}
        if region is not None:
            headers["X-SYSMON-REGION"] = region
        url = f"/v1.0/projects/{caller.project.project_id}{path}"
        return await self.client.request(method, url, headers=headers, json=body)

    async def admin(
        self, method: str, path: str, body: Any = None, *, token: str = ADMIN_TOKEN
    ) -> httpx.Response:
        """Call ``/admin/v1`` + path."""
        headers = {"Authorization": f"Bearer {token}"}
        return await self.client.request(method, f"/admin/v1{path}", headers=headers, json=body)

    async def add_server(self, name: str = "web", *, project: NewProject | None = None, **fields: str) -> str:
        """Register a server and return its hostId."""
        owner = (project or self.alpha).project.project_id
        answer = await self.admin(
            "POST", f"/projects/{owner}/servers", {"hostNm": name, "svrIp": "192.168.0.5"} | fields
        )
        host_id: str = answer.json()["hostId"]
        return host_id

    async def add_job(self, name: str = "app", *, project: NewProject | None = None) -> str:
        """Make a workspace and return its jobId."""
        answer = await self.sysmon("POST", "/jobs", {"jobName": name, "metricsPath": "/m"}, project=project)
        job_id: str = answer.json()["body"]["jobId"]
        return job_id

    async def reserved_job(self) -> str:
        """Return the jobId of the reserved workspace."""
        jobs = (await self.sysmon("GET", "/jobs")).json()["body"]
        job_id: str = next(job["jobId"] for job in jobs if job["reservedJobCd"])
        return job_id


class FixedStore:
    """A store that is well."""

    def report(self) -> StoreReport:
        return StoreReport(2, 1, 100, None, (), ())

    def verify(self) -> None:
        pass


def control_routes(control: ControlPlane, clock: ManualClock, dropped: list[str]) -> list[BaseRoute]:
    """Return the routes of both APIs; `dropped` takes the ids of projects whose data is to go."""
    log = structlog.get_logger()
    access = AccessControl(control.keys, clock, CollectorRegistry())

    async def test_target(project: Project, job_id: str, fields: Mapping[str, object]) -> dict[str, Any]:
        """Check what is asked for as the server does; nothing is scraped here."""
        target = await asyncio.to_thread(control.targets.candidate, project, job_id, fields)
        return {
            "url": f"http://{target.address}:{target.port}{target.path}",
            "health": "down",
            "httpStatus": None,
            "reason": "nothing is scraped here",
            "samples": 0,
            "durationMs": 0.0,
        }

    return [
        *sysmon.routes(access=access, control=control, log=log, time_zone=UTC, test_target=test_target),
        *admin.routes(
            token=AdminToken(ADMIN_TOKEN),
            control=control,
            drop_data=dropped.append,
            clock=clock,
            log=log,
            store=FixedStore(),
            test_target=test_target,
        ),
    ]


@contextlib.asynccontextmanager
async def running_control_app(url: str, options: ControlOptions | None = None) -> AsyncIterator[ControlApp]:
    """Give an application over an empty database."""
    clock = ManualClock(1_629_196_206_000)  # 2021-08-17T10:30:06Z
    control = ControlPlane(url, clock, options)
    dropped: list[str] = []
    transport = httpx.ASGITransport(app=Starlette(routes=control_routes(control, clock, dropped)))
    alpha, beta = (control.projects.create({"name": name}) for name in ("alpha", "beta"))
    async with httpx.AsyncClient(transport=transport, base_url="http://bongsu") as client:
        yield ControlApp(control, clock, client, alpha, beta, dropped)
    control.close()
