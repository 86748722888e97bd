from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bongsu.control.context import ControlOptions
from bongsu.control.errors import AlreadyExists, BadValue, ReservedWorkspace, UnknownWorkspace
from bongsu.control.limits import ControlLimits
from bongsu.control.plane import ControlPlane
from bongsu.model.errors import LimitExceeded

if TYPE_CHECKING:
    from bongsu.control.values import Project
    from bongsu.runtime.clock import ManualClock

APP = {"jobName": "app", "metricsPath": "/metrics", "description": "the app"}


@pytest.fixture
def project(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "alpha"}).project


@pytest.fixture
def other(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "beta"}).project


def names(plane: ControlPlane, project: Project, region: str = "kr") -> list[str]:
    return [workspace.name for workspace in plane.workspaces.all(project, region)]


def test_a_new_project_has_the_reserved_workspace_in_its_own_region(
    plane: ControlPlane, project: Project
) -> None:
    (linux,) = plane.workspaces.all(project, "kr")

    assert ("@Linux", "LINUX", "/metrics") == (linux.name, linux.reserved_code, linux.metrics_path)
    assert [] == names(plane, project, "jp")


def test_the_reserved_workspace_follows_the_servers_of_every_region(
    plane: ControlPlane, project: Project
) -> None:
    plane.servers.create(project, {"hostNm": "a", "svrIp": "10.0.0.1"})
    plane.servers.create(project, {"hostNm": "b", "svrIp": "10.0.0.2", "region": "jp"})

    assert [
        ("@Linux", "10.0.0.1", 9100, "/metrics", None),
        ("@Linux", "10.0.0.2", 9100, "/metrics", "jp"),
    ] == [
        (target.job, target.address, target.port, target.path, target.region)
        for target in plane.targets.scrape_targets()
    ]
    assert ["@Linux"] == names(plane, project, "jp")


def test_a_setting_switches_the_reserved_workspace_off_and_on(
    plane: ControlPlane, project: Project, other: Project
) -> None:
    plane.servers.create(project, {"hostNm": "a", "svrIp": "10.0.0.1", "region": "jp"})
    plane.projects.update(project.project_id, {"linuxWorkspace": False})
    plane.servers.create(project, {"hostNm": "b", "svrIp": "10.0.0.2"})
    off = (names(plane, project), names(plane, project, "jp"), plane.targets.scrape_targets())
    plane.projects.update(project.project_id, {"linuxWorkspace": True})

    assert ([], [], []) == off
    assert (["@Linux"], ["@Linux"], ["10.0.0.1", "10.0.0.2"], ["@Linux"]) == (
        names(plane, project),
        names(plane, project, "jp"),
        sorted(target.address for target in plane.targets.scrape_targets()),
        names(plane, other),
    )


def test_a_project_can_start_without_the_reserved_workspace(plane: ControlPlane) -> None:
    project = plane.projects.create({"name": "bare", "linuxWorkspace": False}).project

    assert [] == names(plane, project)


def test_the_reserved_workspace_refuses_every_change(plane: ControlPlane, project: Project) -> None:
    server = plane.servers.create(project, {"hostNm": "a", "svrIp": "10.0.0.1"})
    (linux,) = plane.workspaces.all(project, "kr")
    (target,) = plane.targets.all(project, linux.job_id)
    calls = (
        lambda: plane.workspaces.update(project, linux.job_id, {"metricsPath": "/x"}),
        lambda: plane.workspaces.delete(project, linux.job_id),
        lambda: plane.targets.create(project, linux.job_id, {"hostId": server.host_id, "port": 1}),
        lambda: plane.targets.delete(project, linux.job_id, target.target_id),
    )
    for call in calls:
        with pytest.raises(ReservedWorkspace, match="'@Linux' is a default workspace"):
            call()

    assert ([linux], [target]) == (
        plane.workspaces.all(project, "kr"),
        plane.targets.all(project, linux.job_id),
    )


def test_a_workspace_is_listed_in_its_project_and_region_only(
    plane: ControlPlane, project: Project, other: Project
) -> None:
    made = plane.workspaces.create(project, "jp", APP)

    assert ([made], ["@Linux"], []) == (
        plane.workspaces.all(project, "jp"),
        names(plane, project),
        names(plane, other, "jp"),
    )
    assert made == plane.workspaces.get(project, made.job_id)


def test_a_name_is_taken_once_in_a_region(plane: ControlPlane, project: Project, other: Project) -> None:
    for owner, region in ((project, "kr"), (project, "jp"), (other, "kr")):
        plane.workspaces.create(owner, region, APP)

    with pytest.raises(AlreadyExists, match="a workspace 'app' in region 'kr' already"):
        plane.workspaces.create(project, "kr", APP)


def test_an_update_changes_path_and_description_and_never_the_name(
    plane: ControlPlane, project: Project
) -> None:
    job_id = plane.workspaces.create(project, "kr", APP).job_id
    first = plane.workspaces.update(project, job_id, {"metricsPath": "/a", "jobName": "other"})
    second = plane.workspaces.update(project, job_id, {"metricsPath": "/b", "description": None})

    assert [("app", "/a", "the app"), ("app", "/b", None)] == [
        (workspace.name, workspace.metrics_path, workspace.description) for workspace in (first, second)
    ]


@pytest.mark.parametrize("fields", [{}, {"jobName": "a"}, {"metricsPath": "/a"}, APP | {"description": 5}])
def test_wrong_fields_are_refused(plane: ControlPlane, project: Project, fields: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        plane.workspaces.create(project, "kr", fields)

    assert ["@Linux"] == names(plane, project)


@pytest.mark.parametrize("region", ["mars", "", "KR"])
def test_an_unknown_region_is_refused(plane: ControlPlane, project: Project, region: str) -> None:
    with pytest.raises(BadValue, match="must be one of kr, kr2, jp, us"):
        plane.workspaces.create(project, region, APP)
    with pytest.raises(BadValue):
        plane.workspaces.all(project, region)


def test_another_projects_workspace_is_unknown(plane: ControlPlane, project: Project, other: Project) -> None:
    job_id = plane.workspaces.create(other, "kr", APP).job_id
    calls = (
        lambda: plane.workspaces.get(project, job_id),
        lambda: plane.workspaces.update(project, job_id, {"metricsPath": "/x"}),
        lambda: plane.workspaces.delete(project, job_id),
        lambda: plane.targets.all(project, job_id),
    )
    for call in calls:
        with pytest.raises(UnknownWorkspace):
            call()

    assert "/metrics" == plane.workspaces.get(other, job_id).metrics_path


def test_workspaces_are_limited_and_reserved_ones_do_not_count(control_url: str, clock: ManualClock) -> None:
    plane = ControlPlane(control_url, clock, ControlOptions(limits=ControlLimits(max_workspaces=1)))
    project = plane.projects.create({"name": "alpha"}).project
    plane.workspaces.create(project, "kr", APP)

    with pytest.raises(LimitExceeded, match="'max_workspaces'"):
        plane.workspaces.create(project, "jp", APP)
    plane.close()


def test_a_windows_server_belongs_to_its_own_reserved_workspace(plane: ControlPlane) -> None:
    project = plane.projects.create({"name": "alpha"}).project
    other = plane.projects.create({"name": "beta"}).project

    def reserved() -> dict[str, list[tuple[str, int]]]:
        return {
            w.name: [(t.server_name, t.port) for t in plane.targets.all(project, w.job_id)]
            for w in plane.workspaces.all(project, "kr")
        }

    plane.servers.create(project, {"hostNm": "lin", "svrIp": "10.0.0.1", "os": "linux"})
    assert {"@Linux": [("lin", 9100)]} == reserved()

    win = plane.servers.create(project, {"hostNm": "win", "svrIp": "10.0.0.2", "os": "windows"})
    assert {"@Linux": [("lin", 9100)], "@Windows": [("win", 9182)]} == reserved()
    (_, windows) = plane.workspaces.all(project, "kr")
    assert ("WINDOWS", "/metrics") == (windows.reserved_code, windows.metrics_path)
    with pytest.raises(ReservedWorkspace, match="'windowsWorkspace' switches it off"):
        plane.workspaces.delete(project, windows.job_id)

    plane.projects.update(project.project_id, {"windowsWorkspace": False})
    assert {"@Linux": [("lin", 9100)]} == reserved()
    plane.projects.update(project.project_id, {"windowsWorkspace": True})
    assert {"@Linux": [("lin", 9100)], "@Windows": [("win", 9182)]} == reserved()

    plane.servers.update(project, win.host_id, {"os": None})
    assert {"@Linux": [("lin", 9100), ("win", 9100)], "@Windows": []} == reserved()
    assert ["@Linux"] == [w.name for w in plane.workspaces.all(other, "kr")]
