"""The ten calls of `/v1.0`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bongsu.api.body import read_json_object, require_content_type
from bongsu.api.parameters import flag_of
from bongsu.api.respond import JSON, raw_json_response
from bongsu.api.routing import Router
from bongsu.api.sysmon.envelope import failure, success
from bongsu.api.sysmon.openapi import sysmon_document
from bongsu.api.sysmon.records import Records
from bongsu.api.threads import Lane
from bongsu.control.checks import check_region
from bongsu.control.errors import BadValue
from bongsu.control.values import Scope

if TYPE_CHECKING:
    from datetime import tzinfo

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.api.errors import Handler
    from bongsu.api.target_test import TargetTest
    from bongsu.control.plane import ControlPlane

REGION_HEADER = "x-sysmon-region"
CONTROL_THREADS = 8
"""SQLite writes one at a time; a few more serve readers and hide a slow disk."""


def routes(
    *,
    access: AccessControl,
    control: ControlPlane,
    log: FilteringBoundLogger,
    time_zone: tzinfo | None = None,
    test_target: TargetTest | None = None,
) -> list[BaseRoute]:
    """
    Return the routes of the workspace, target and server API; its OpenAPI document needs no key.

    Parameters
    ----------
    time_zone
        Zone of ``lstModYmdt``; None is the machine's own.
    test_target
        Scrapes a target once; None leaves the call out.
    """
    calls = _Calls(access, control, Records(time_zone))
    router = Router(failure, log)
    project = "/v1.0/projects/{projectId}"
    written = orjson.dumps(sysmon_document(control.options.regions))

    async def show_document(_request: Request) -> Response:
        return raw_json_response(written)

    return [
        router.resource("/v1.0/openapi.json", GET=show_document),
        router.resource(f"{project}/jobs", GET=calls.list_jobs, POST=calls.create_job),
        router.resource(
            f"{project}/jobs/{{jobId}}", GET=calls.show_job, PUT=calls.update_job, DELETE=calls.delete_job
        ),
        router.resource(
            f"{project}/jobs/{{jobId}}/targets", GET=calls.list_targets, POST=calls.create_target
        ),
        router.resource(
            f"{project}/jobs/{{jobId}}/targets/{{targetId}}",
            GET=calls.show_target,
            DELETE=calls.delete_target,
        ),
        router.resource(f"{project}/servers", GET=calls.list_servers),
        *(
            []
            if test_target is None
            else [router.resource(f"{project}/jobs/{{jobId}}/test", POST=calls.tester(test_target))]
        ),
        router.unknown("/v1.0/{rest:path}"),
    ]


class _Calls:
    """The handlers; every one of them takes its project from the key."""

    def __init__(self, access: AccessControl, control: ControlPlane, records: Records) -> None:
        self._access = access
        self._control = control
        self._lane = Lane(CONTROL_THREADS)
        self._records = records

    async def list_jobs(self, request: Request) -> Response:
        project = (await self._caller(request, Scope.READ)).project
        found = await self._lane.run(self._control.workspaces.all, project, self._region(request))
        return success([self._records.workspace(project, workspace) for workspace in found])

    async def create_job(self, request: Request) -> Response:
        caller = await self._caller(request, Scope.MANAGE)
        region, fields = self._region(request), await _fields(request)
        made = await self._lane.run(
            self._control.workspaces.create, caller.project, region, fields, actor=caller.actor(request)
        )
        return success(self._records.workspace(caller.project, made))

    async def show_job(self, request: Request) -> Response:
        project = (await self._caller(request, Scope.READ)).project
        found = await self._lane.run(self._control.workspaces.get, project, request.path_params["jobId"])
        return success(self._records.workspace(project, found))

    async def update_job(self, request: Request) -> Response:
        caller = await self._caller(request, Scope.MANAGE)
        job_id, fields = request.path_params["jobId"], await _fields(request)
        updated = await self._lane.run(
            self._control.workspaces.update, caller.project, job_id, fields, actor=caller.actor(request)
        )
        return success(self._records.workspace(caller.project, updated))

    async def delete_job(self, request: Request) -> Response:
        caller = await self._caller(request, Scope.MANAGE)
        job_id = request.path_params["jobId"]
        await self._lane.run(
            self._control.workspaces.delete, caller.project, job_id, actor=caller.actor(request)
        )
        return success(job_id)

    async def list_targets(self, request: Request) -> Response:
        project = (await self._caller(request, Scope.READ)).project
        with_state = flag_of(request, "state")
        found = await self._lane.run(self._control.targets.all, project, request.path_params["jobId"])
        return success([self._records.target(target, with_state=with_state) for target in found])

    async def create_target(self, request: Request) -> Response:
        caller = await self._caller(request, Scope.MANAGE)
        job_id, fields = request.path_params["jobId"], await _fields(request)
        return success(
            await self._lane.run(
                self._control.targets.create, caller.project, job_id, fields, actor=caller.actor(request)
            )
        )

    async def show_target(self, request: Request) -> Response:
        project = (await self._caller(request, Scope.READ)).project
        with_state = flag_of(request, "state")
        job_id, target_id = request.path_params["jobId"], request.path_params["targetId"]
        found = await self._lane.run(self._control.targets.get, project, job_id, target_id)
        return success(self._records.target(found, with_state=with_state))

    async def delete_target(self, request: Request) -> Response:
        caller = await self._caller(request, Scope.MANAGE)
        job_id, target_id = request.path_params["jobId"], request.path_params["targetId"]
        await self._lane.run(
            self._control.targets.delete, caller.project, job_id, target_id, actor=caller.actor(request)
        )
        return success(target_id)

    def tester(self, test_target: TargetTest) -> Handler:
        """Return the handler that scrapes a target once; our own call, which stores nothing."""

        async def test(request: Request) -> Response:
            project = (await self._caller(request, Scope.MANAGE)).project
            return success(await test_target(project, request.path_params["jobId"], await _fields(request)))

        return test

    async def list_servers(self, request: Request) -> Response:
        project = (await self._caller(request, Scope.READ)).project
        region, with_state = self._region(request), flag_of(request, "state")
        with_removed = flag_of(request, "deleted")
        if not (with_state or with_removed):
            # What agents and targets tell of the servers costs as much as the servers themselves.
            servers = await self._lane.run(self._control.servers.all, project, region=region)
            return success([self._records.server(project, server) for server in servers])
        found = await self._lane.run(
            self._control.server_states.all, project, region=region, with_removed=with_removed
        )
        return success(
            [self._records.server(project, one.server, one if with_state else None) for one in found]
        )

    async def _caller(self, request: Request, scope: Scope) -> ProjectAccess:
        return await self._access.require(request, scope, project_id=request.path_params["projectId"])

    def _region(self, request: Request) -> str:
        """Return the region of the calls that need one; the others find theirs from the ids in the path."""
        regions = self._control.options.regions
        sent = request.headers.get(REGION_HEADER, "").strip()
        if not sent:
            raise BadValue(f"the header X-SYSMON-REGION is missing; send one of {', '.join(regions)}")
        return check_region(sent, regions)


async def _fields(request: Request) -> dict[str, Any]:
    require_content_type(request, {JSON})
    return await read_json_object(request)
