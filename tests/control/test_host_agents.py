"""Machines that register themselves, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bongsu.control.errors import AlreadyExists, BadValue
from bongsu.control.host_agents import FORGOTTEN_AFTER_MS, REPLACED_AFTER_MS, connection_address

if TYPE_CHECKING:
    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import Project
    from bongsu.runtime.clock import ManualClock


@pytest.fixture
def project(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "alpha"}).project


WEB = {"hostNm": "web", "machineId": "m-1"}


def test_a_machine_is_one_server_however_often_it_registers(plane: ControlPlane, project: Project) -> None:
    other = plane.projects.create({"name": "beta"}).project
    first = plane.host_agents.register(project, WEB, "10.0.0.5")
    again = plane.host_agents.register(project, WEB | {"hostNm": "web-1"}, "10.0.0.6")
    assert first.server.host_id == again.server.host_id
    assert [("web-1", "10.0.0.6")] == [(s.name, s.address) for s in plane.servers.all(project)]
    assert [] == plane.servers.all(other)
    assert 1 == len(plane.targets.scrape_targets(project.project_id)), "the reserved workspace follows"


def test_a_heartbeat_that_changes_nothing_disturbs_no_scrape(plane: ControlPlane, project: Project) -> None:
    plane.host_agents.register(project, WEB, "10.0.0.5")
    before = plane.targets.revisions()
    plane.host_agents.register(project, WEB, "10.0.0.5")
    assert before == plane.targets.revisions()
    plane.host_agents.register(project, WEB, "10.0.0.7")
    assert before != plane.targets.revisions()


def test_an_operators_entry_keeps_its_address_and_outlives_its_agent(
    plane: ControlPlane, project: Project, clock: ManualClock
) -> None:
    made = plane.servers.create(project, {"hostNm": "web", "svrIp": "web.example.org"})
    agent = plane.host_agents.register(project, WEB, "10.0.0.5")
    assert (made.host_id, "web.example.org") == (agent.server.host_id, agent.server.address)
    asyncio.run(clock.advance(FORGOTTEN_AFTER_MS / 1000 + 1))
    plane.host_agents.register(project, {"hostNm": "db", "machineId": "m-2"}, "10.0.0.6")
    assert {"web", "db"} == {server.name for server in plane.servers.all(project)}


def test_another_machine_of_the_same_name_takes_over_after_a_silence(
    plane: ControlPlane, project: Project, clock: ManualClock
) -> None:
    first = plane.host_agents.register(project, WEB, "10.0.0.5")
    second = WEB | {"machineId": "m-2"}
    with pytest.raises(AlreadyExists, match="another machine reports as 'web'"):
        plane.host_agents.register(project, second, "10.0.0.6")
    asyncio.run(clock.advance(REPLACED_AFTER_MS / 1000))
    taken = plane.host_agents.register(project, second, "10.0.0.6")
    assert (first.server.host_id, "10.0.0.6") == (taken.server.host_id, taken.server.address)


def test_a_silent_machine_is_forgotten_after_a_day(
    plane: ControlPlane, project: Project, clock: ManualClock
) -> None:
    plane.host_agents.register(project, WEB, "10.0.0.5")
    asyncio.run(clock.advance(FORGOTTEN_AFTER_MS / 1000 + 1))
    plane.host_agents.register(project, {"hostNm": "db", "machineId": "m-2"}, "10.0.0.6")
    assert ["db"] == [server.name for server in plane.servers.all(project)]
    assert {"server.register", "server.forget"} <= {
        entry.action for entry in plane.audit.newest(project_id=project.project_id, count=10)
    }


def test_a_machine_that_moves_to_another_region_leaves_the_old_one(
    plane: ControlPlane, project: Project
) -> None:
    plane.host_agents.register(project, WEB, "10.0.0.5")
    plane.host_agents.register(project, WEB | {"region": "jp"}, "10.0.0.5")
    assert ([], ["web"]) == (
        plane.servers.all(project, region="kr"),
        [server.name for server in plane.servers.all(project, region="jp")],
    )


def test_targets_of_a_machine_that_collects_itself_are_left_to_it(
    plane: ControlPlane, project: Project
) -> None:
    agent = plane.host_agents.register(project, WEB | {"collects": True}, "10.0.0.5")
    assert [] == plane.targets.scrape_targets(project.project_id)
    own = plane.targets.scrape_targets(project.project_id, host_id=agent.server.host_id)
    assert [("10.0.0.5", 9100)] == [(target.address, target.port) for target in own]
    plane.host_agents.register(project, WEB | {"collects": False}, "10.0.0.5")
    assert 1 == len(plane.targets.scrape_targets(project.project_id))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "169.254.3.4", "fe80::1%eth0", "::ffff:127.0.0.1", "0.0.0.0", None, "x"]
)
def test_an_address_that_every_machine_has_is_refused(address: str | None) -> None:
    with pytest.raises(BadValue, match="connect"):
        connection_address(address)


def test_addresses_are_those_of_connections() -> None:
    assert ("10.0.0.5", "10.0.0.5", "2001:db8::1") == tuple(
        map(connection_address, ("10.0.0.5", "::ffff:10.0.0.5", "2001:db8::1"))
    )


@pytest.mark.parametrize(
    "fields",
    [{}, {"hostNm": "web"}, WEB | {"collects": "yes"}, WEB | {"svrIp": "1.2.3.4"}, WEB | {"region": "mars"}],
)
def test_wrong_fields_are_refused(plane: ControlPlane, project: Project, fields: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        plane.host_agents.register(project, fields, "10.0.0.5")
    assert [] == plane.servers.all(project)
