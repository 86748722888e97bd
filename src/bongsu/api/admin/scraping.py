"""The calls of `/admin/v1` about workspaces: which there are, what they scrape, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bongsu.api.admin.gate import actor_of
from bongsu.api.body import read_json_object
from bongsu.api.respond import json_response, no_content
from bongsu.control.checks import check_region
from bongsu.model.errors import Unavailable
from bongsu.scrape.options import checked_options, shown_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.target_test import TargetTest
    from bongsu.api.threads import Lane
    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import Project, Target, Workspace

    Options = Mapping[str, Any]

_NO_STORE = {"Cache-Control": "no-store"}


class ScrapingCalls:
    """
    The handlers.

    Parameters
    ----------
    lane
        Where the control plane's blocking calls run.
    test_target
        Scrapes a target once; None answers that the scraper does not run.
    """

    def __init__(self, control: ControlPlane, lane: Lane, test_target: TargetTest | None = None) -> None:
        self._control = control
        self._lane = lane
        self._test_target = test_target

    async def list_workspaces(self, request: Request) -> Response:
        """Answer with the project's workspaces, those of other regions and the reserved one too."""
        records = await self._lane.run(
            self._workspaces, _project_id(request), request.query_params.get("region")
        )
        return json_response({"workspaces": records})

    async def list_targets(self, request: Request) -> Response:
        """Answer with the targets of a workspace."""
        records = await self._lane.run(self._targets, _project_id(request), request.path_params["jobId"])
        return json_response({"targets": records})

    async def test(self, request: Request) -> Response:
        """Scrape ``hostId`` and ``port`` once with the workspace's options, and store nothing."""
        if self._test_target is None:
            raise Unavailable("the scraper does not run here; ask the server that scrapes")
        fields = await read_json_object(request)
        project = await self._lane.run(self._project, request)
        return json_response(await self._test_target(project, request.path_params["jobId"], fields))

    async def show_options(self, request: Request) -> Response:
        """Answer with the scrape options of a workspace or target, without their secrets."""
        options = await self._lane.run(
            lambda: self._control.scraping.get(self._project(request), *_place(request))
        )
        return json_response(shown_options(options), headers=_NO_STORE)

    async def replace_options(self, request: Request) -> Response:
        """Take the given options in place of all that there were."""
        given = await read_json_object(request)
        return await self._change(request, lambda stored: checked_options(given, stored))

    async def merge_options(self, request: Request) -> Response:
        """Take the given options beside those that there are; null takes one away."""
        given = await read_json_object(request)

        def merged(stored: Options) -> Options:
            present = {name: value for name, value in {**stored, **given}.items() if value is not None}
            return checked_options(present, stored)

        return await self._change(request, merged)

    async def remove_options(self, request: Request) -> Response:
        """Take all options away."""
        await self._change(request, lambda _: {})
        return no_content()

    async def _change(self, request: Request, change: Callable[[Options], Options]) -> Response:
        job_id, target_id = _place(request)
        options = await self._lane.run(
            lambda: self._control.scraping.change(
                self._project(request),
                job_id,
                change,
                target_id=target_id,
                actor=actor_of(request),
            )
        )
        return json_response(shown_options(options), headers=_NO_STORE)

    def _project(self, request: Request) -> Project:
        return self._control.projects.get(_project_id(request))

    def _workspaces(self, project_id: str, region: str | None) -> list[dict[str, Any]]:
        project, known = self._control.projects.get(project_id), self._control.options.regions
        regions = known if region is None else (check_region(region, known),)
        found = [w for each in regions for w in self._control.workspaces.all(project, each)]
        return [self._workspace_record(project, workspace) for workspace in found]

    def _targets(self, project_id: str, job_id: str) -> list[dict[str, Any]]:
        project = self._control.projects.get(project_id)
        found = self._control.targets.all(project, job_id)
        return [self._target_record(project, target) for target in found]

    def _workspace_record(self, project: Project, workspace: Workspace) -> dict[str, Any]:
        return {
            "jobId": workspace.job_id,
            "jobName": workspace.name,
            "region": workspace.region,
            "metricsPath": workspace.metrics_path,
            "description": workspace.description,
            "reservedJobCd": workspace.reserved_code,
            "scrape": shown_options(self._control.scraping.get(project, workspace.job_id)),
        }

    def _target_record(self, project: Project, target: Target) -> dict[str, Any]:
        return {
            "targetId": target.target_id,
            "hostId": target.host_id,
            "hostNm": target.server_name,
            "svrIp": target.address,
            "port": target.port,
            "health": target.state.health.value,
            "reason": target.state.reason,
            "scrape": shown_options(self._control.scraping.get(project, target.job_id, target.target_id)),
        }


def _project_id(request: Request) -> str:
    project_id: str = request.path_params["projectId"]
    return project_id


def _place(request: Request) -> tuple[str, str | None]:
    """Return the ids of the workspace, and of the target if the path names one."""
    return request.path_params["jobId"], request.path_params.get("targetId")
