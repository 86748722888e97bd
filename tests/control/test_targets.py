from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bongsu.control.errors import AlreadyExists, BadValue, UnknownServer, UnknownTarget, UnknownWorkspace
from bongsu.control.plane import ControlPlane
from bongsu.control.values import ScrapeOutcome, ScrapeTarget, TargetHealth, TargetState
from bongsu.model.errors import LimitExceeded

if TYPE_CHECKING:
    from bongsu.control.values import Project, Server, Workspace
    from bongsu.runtime.clock import ManualClock


@pytest.fixture
def project(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "alpha", "linuxWorkspace": False}).project


@pytest.fixture
def other(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "beta", "linuxWorkspace": False}).project


@pytest.fixture
def server(plane: ControlPlane, project: Project) -> Server:
    return plane.servers.create(project, {"hostNm": "web", "svrIp": "10.0.0.1"})


@pytest.fixture
def job(plane: ControlPlane, project: Project) -> Workspace:
    return plane.workspaces.create(project, "kr", {"jobName": "app", "metricsPath": "/m"})


def test_a_target_is_listed_with_its_server_and_handed_to_the_scraper(
    plane: ControlPlane, project: Project, server: Server, job: Workspace
) -> None:
    target_id = plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": "8080"})
    (target,) = plane.targets.all(project, job.job_id)

    assert (target_id, job.job_id, server.host_id, 8080, "web", "10.0.0.1", TargetState()) == (
        target.target_id,
        target.job_id,
        target.host_id,
        target.port,
        target.server_name,
        target.address,
        target.state,
    )
    assert target == plane.targets.get(project, job.job_id, target_id)
    assert [
        ScrapeTarget(
            project.project_id,
            target_id,
            "app",
            "10.0.0.1",
            8080,
            "/m",
            None,
            job.job_id,
            server.host_id,
            "web",
        )
    ] == plane.targets.scrape_targets()


def test_targets_are_listed_in_the_order_in_which_they_were_made(
    plane: ControlPlane, project: Project, server: Server, job: Workspace
) -> None:
    made = [
        plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": port})
        for port in (3, 1, 2)
    ]

    assert made == [target.target_id for target in plane.targets.all(project, job.job_id)]


def test_the_sixth_target_of_a_server_is_refused_over_all_workspaces(
    plane: ControlPlane, project: Project, server: Server, job: Workspace
) -> None:
    second = plane.workspaces.create(project, "kr", {"jobName": "app2", "metricsPath": "/m"})
    plane.projects.update(project.project_id, {"linuxWorkspace": True})
    for port in range(1, 6):
        owner = (job, second)[port % 2]
        plane.targets.create(project, owner.job_id, {"hostId": server.host_id, "port": port})

    with pytest.raises(LimitExceeded) as caught:
        plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 6})

    assert (
        "targets: server 'web' has 5 already, 5 are allowed; remove one, or raise the project's limit "
        "'max_targets_per_server'"
    ) == caught.value.message
    plane.projects.update(project.project_id, {"limits": {"max_targets_per_server": 6}})
    plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 6})


def test_a_refused_target_leaves_nothing_behind(
    plane: ControlPlane, project: Project, server: Server, job: Workspace
) -> None:
    plane.projects.update(project.project_id, {"limits": {"max_targets_per_server": 1}})
    plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 1})
    with pytest.raises(LimitExceeded):
        plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 2})

    assert [1] == [target.port for target in plane.targets.all(project, job.job_id)]


def test_the_same_port_twice_is_a_duplicate_even_at_the_limit(
    plane: ControlPlane, project: Project, server: Server, job: Workspace
) -> None:
    plane.projects.update(project.project_id, {"limits": {"max_targets_per_server": 1}})
    fields = {"hostId": server.host_id, "port": 1}
    plane.targets.create(project, job.job_id, fields)

    with pytest.raises(AlreadyExists, match="scrapes port 1 of server 'web' already"):
        plane.targets.create(project, job.job_id, fields)


def test_a_server_of_another_project_or_region_is_unknown(
    plane: ControlPlane, project: Project, other: Project, job: Workspace
) -> None:
    foreign = plane.servers.create(other, {"hostNm": "web", "svrIp": "10.0.0.1"})
    far = plane.servers.create(project, {"hostNm": "web", "svrIp": "10.0.0.1", "region": "jp"})
    for host_id in (foreign.host_id, far.host_id, "nobody"):
        with pytest.raises(UnknownServer):
            plane.targets.create(project, job.job_id, {"hostId": host_id, "port": 1})


@pytest.mark.parametrize(
    "fields", [{}, {"port": 1}, {"hostId": 5, "port": 1}, {"hostId": "x"}, {"hostId": "x", "port": 0}]
)
def test_wrong_fields_are_refused(
    plane: ControlPlane, project: Project, job: Workspace, fields: dict[str, object]
) -> None:
    with pytest.raises(BadValue):
        plane.targets.create(project, job.job_id, fields)


def test_another_projects_target_is_unknown(
    plane: ControlPlane, project: Project, other: Project, server: Server, job: Workspace
) -> None:
    target_id = plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 1})
    own_job = plane.workspaces.create(other, "kr", {"jobName": "app", "metricsPath": "/m"})
    for job_id, error in ((job.job_id, UnknownWorkspace), (own_job.job_id, UnknownTarget)):
        with pytest.raises(error):
            plane.targets.get(other, job_id, target_id)
        with pytest.raises(error):
            plane.targets.delete(other, job_id, target_id)

    assert [target_id] == [target.target_id for target in plane.targets.all(project, job.job_id)]


def test_a_removed_target_is_unknown(
    plane: ControlPlane, project: Project, server: Server, job: Workspace
) -> None:
    target_id = plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 1})
    plane.targets.delete(project, job.job_id, target_id)

    assert [] == plane.targets.scrape_targets()
    with pytest.raises(UnknownTarget):
        plane.targets.delete(project, job.job_id, target_id)


def test_the_scraper_hears_of_every_change_after_it_is_made(
    plane: ControlPlane, project: Project, server: Server, job: Workspace
) -> None:
    seen: list[int] = []
    unsubscribe = plane.targets.subscribe(lambda: seen.append(len(plane.targets.scrape_targets())))
    target_id = plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 1})
    plane.workspaces.update(project, job.job_id, {"metricsPath": "/n"})
    plane.targets.delete(project, job.job_id, target_id)
    unsubscribe()
    plane.servers.delete(project, server.host_id)

    assert [1, 1, 0] == seen


def test_an_outcome_is_seen_at_once_and_after_a_restart(
    plane: ControlPlane,
    control_url: str,
    clock: ManualClock,
    project: Project,
    server: Server,
    job: Workspace,
) -> None:
    target_id = plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 1})
    plane.states.report([ScrapeOutcome(target_id, 1000, 503, "HTTP 503 Service Unavailable")])
    plane.states.report([ScrapeOutcome(target_id, 2000, 503, "HTTP 503 Service Unavailable")])
    at_once = plane.targets.get(project, job.job_id, target_id).state
    written = (plane.states.flush(), plane.states.flush())
    second = ControlPlane(control_url, clock)
    after_restart = second.targets.get(project, job.job_id, target_id).state
    second.close()

    assert TargetState(503, "HTTP 503 Service Unavailable", 1000, 2000) == at_once
    assert TargetState(503, "HTTP 503 Service Unavailable", 1000, 1000) == after_restart
    assert (1, 0) == written


def test_outcomes_of_targets_that_are_gone_are_dropped(
    plane: ControlPlane, project: Project, server: Server, job: Workspace
) -> None:
    kept, gone = (
        plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": port}) for port in (1, 2)
    )
    plane.states.report([ScrapeOutcome(kept, 1, 0), ScrapeOutcome(gone, 1, 0)])
    plane.targets.delete(project, job.job_id, gone)
    plane.states.flush()
    plane.states.report([ScrapeOutcome(kept, 2, -1, "x" * 1000)])
    plane.states.forget([gone])
    plane.states.flush()

    (target,) = plane.targets.all(project, job.job_id)
    assert (-1, "x" * 500, 2) == (target.state.result_code, target.state.reason, target.state.since_ms)


def test_a_failed_flush_is_made_good_by_the_next(
    plane: ControlPlane, project: Project, server: Server, job: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    target_id = plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 1})
    plane.states.report([ScrapeOutcome(target_id, 1, 0)])
    with monkeypatch.context() as patch:
        patch.setattr(plane.states, "_write", lambda items: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            plane.states.flush()

    assert 1 == plane.states.flush()


@pytest.mark.parametrize(
    ("code", "health"),
    [
        (None, TargetHealth.PREPARING),
        (0, TargetHealth.COLLECTING),
        (404, TargetHealth.HTTP_ERROR),
        (-1, TargetHealth.FAILING),
    ],
)
def test_health_is_one_word(code: int | None, health: TargetHealth) -> None:
    assert health == TargetState(code).health
