from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bongsu.control.context import ControlOptions
from bongsu.control.errors import AlreadyExists, BadValue, UnknownProject, UnknownServer
from bongsu.control.limits import ControlLimits
from bongsu.control.plane import ControlPlane
from bongsu.model.errors import LimitExceeded

if TYPE_CHECKING:
    from bongsu.control.values import Project
    from bongsu.runtime.clock import ManualClock


@pytest.fixture
def project(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "alpha"}).project


@pytest.fixture
def other(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "beta"}).project


def test_a_server_is_listed_in_its_project_and_region_only(
    plane: ControlPlane, project: Project, other: Project
) -> None:
    here = plane.servers.create(project, {"hostNm": "web", "svrIp": "10.0.0.1", "instanceId": "i-1"})
    there = plane.servers.create(project, {"hostNm": "web", "svrIp": "10.0.0.2", "region": "jp"})

    assert ([here], [there], [here, there], []) == (
        plane.servers.all(project, region="kr"),
        plane.servers.all(project, region="jp"),
        plane.servers.all(project),
        plane.servers.all(other),
    )
    assert here == plane.servers.get(project, here.host_id)


def test_a_name_is_taken_once_in_a_region(plane: ControlPlane, project: Project, other: Project) -> None:
    fields = {"hostNm": "web", "svrIp": "10.0.0.1"}
    plane.servers.create(project, fields)
    plane.servers.create(other, fields)
    second = plane.servers.create(project, fields | {"hostNm": "db"})

    with pytest.raises(AlreadyExists, match="a server 'web' in region 'kr' already"):
        plane.servers.create(project, fields)
    with pytest.raises(AlreadyExists):
        plane.servers.update(project, second.host_id, {"hostNm": "web"})


def test_a_changed_address_reaches_the_scraper(plane: ControlPlane, project: Project) -> None:
    server = plane.servers.create(project, {"hostNm": "web", "svrIp": "10.0.0.1"})
    before = plane.targets.version()
    plane.servers.update(project, server.host_id, {"svrIp": "web.internal", "instanceId": "i-2"})

    assert ["web.internal"] == [target.address for target in plane.targets.scrape_targets()]
    assert plane.targets.version() > before


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"hostNm": "web"},
        {"svrIp": "10.0.0.1"},
        {"hostNm": "web", "svrIp": "10.0.0.1", "region": "mars"},
        {"hostNm": "web", "svrIp": "10.0.0.1", "hostId": "mine"},
        {"hostNm": "web", "svrIp": "10.0.0.1", "instanceId": 5},
    ],
)
def test_wrong_fields_are_refused(plane: ControlPlane, project: Project, fields: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        plane.servers.create(project, fields)


def test_another_projects_server_is_unknown(plane: ControlPlane, project: Project, other: Project) -> None:
    host_id = plane.servers.create(other, {"hostNm": "web", "svrIp": "10.0.0.1"}).host_id
    calls = (
        lambda: plane.servers.get(project, host_id),
        lambda: plane.servers.update(project, host_id, {"svrIp": "10.6.6.6"}),
        lambda: plane.servers.delete(project, host_id),
    )
    for call in calls:
        with pytest.raises(UnknownServer):
            call()

    assert ["10.0.0.1"] == [server.address for server in plane.servers.all(other)]


def test_a_removed_server_takes_its_targets(plane: ControlPlane, project: Project) -> None:
    server = plane.servers.create(project, {"hostNm": "web", "svrIp": "10.0.0.1"})
    job = plane.workspaces.create(project, "kr", {"jobName": "app", "metricsPath": "/metrics"})
    plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 8080})
    plane.servers.delete(project, server.host_id)

    assert ([], []) == (plane.targets.all(project, job.job_id), plane.targets.scrape_targets())


def test_a_server_needs_a_project_that_is_still_there(plane: ControlPlane, project: Project) -> None:
    plane.projects.delete(project.project_id)

    with pytest.raises(UnknownProject):
        plane.servers.create(project, {"hostNm": "web", "svrIp": "10.0.0.1"})


def test_servers_are_limited(control_url: str, clock: ManualClock) -> None:
    plane = ControlPlane(control_url, clock, ControlOptions(limits=ControlLimits(max_servers=1)))
    project = plane.projects.create({"name": "alpha"}).project
    plane.servers.create(project, {"hostNm": "a", "svrIp": "10.0.0.1"})

    with pytest.raises(LimitExceeded, match="'max_servers'"):
        plane.servers.create(project, {"hostNm": "b", "svrIp": "10.0.0.1"})
    plane.close()
