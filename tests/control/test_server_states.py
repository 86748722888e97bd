"""A list of servers tells how each is, from what its agent and its targets say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bongsu.control.removed import REMEMBERED_MS
from bongsu.control.server_states import SILENT_AFTER_MS, Verdict, judge
from bongsu.control.values import REFUSED, ScrapeOutcome, ServerHealth, TargetState

if TYPE_CHECKING:
    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import Project, ServerState
    from bongsu.runtime.clock import ManualClock

GOOD = TargetState(0)
NEVER = TargetState()
HTTP = TargetState(503, "HTTP 503 Service Unavailable")
CLOSED = TargetState(REFUSED, "connection refused")
LOST = TargetState(-1, "timeout")


@pytest.fixture
def project(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "alpha"}).project


@pytest.mark.parametrize(
    ("outcomes", "has_agent", "is_heard", "expected"),
    [
        ([GOOD], False, False, (ServerHealth.NORMAL, None)),
        ([GOOD, LOST], False, False, (ServerHealth.NORMAL, None)),
        ([GOOD], True, True, (ServerHealth.NORMAL, None)),
        ([], True, True, (ServerHealth.NORMAL, None)),
        ([NEVER], True, True, (ServerHealth.NORMAL, None)),
        (
            [GOOD],
            True,
            False,
            (ServerHealth.UNKNOWN, "the machine's agent is silent, its targets are collected"),
        ),
        ([LOST], True, True, (ServerHealth.UNMONITORED, "timeout")),
        ([LOST, HTTP], False, False, (ServerHealth.UNMONITORED, "timeout")),
        ([CLOSED], True, False, (ServerHealth.UNMONITORED, "connection refused")),
        ([LOST], False, False, (ServerHealth.STOPPED, "timeout")),
        ([], True, False, (ServerHealth.STOPPED, "the machine's agent is silent")),
        ([NEVER], False, False, (ServerHealth.STOPPED, "nothing was heard of the machine yet")),
    ],
)
def test_a_server_is_judged_by_its_agent_and_its_targets(
    outcomes: list[TargetState],
    expected: tuple[ServerHealth, str | None],
    *,
    has_agent: bool,
    is_heard: bool,
) -> None:
    assert Verdict(*expected) == judge(outcomes, has_agent=has_agent, is_heard=is_heard)


def only(plane: ControlPlane, project: Project) -> ServerState:
    (state,) = plane.server_states.all(project)
    return state


def test_the_state_follows_outcomes_and_heartbeats(
    plane: ControlPlane, project: Project, clock: ManualClock
) -> None:
    agent = {"hostNm": "web", "machineId": "m-1"}
    other = plane.projects.create({"name": "beta"}).project
    plane.host_agents.register(project, agent, "10.0.0.1")
    (target,) = plane.targets.scrape_targets(project.project_id)

    assert ServerHealth.NORMAL == only(plane, project).health
    assert clock.now_ms() == only(plane, project).heard_ms

    plane.states.report([ScrapeOutcome(target.target_id, clock.now_ms(), -1, "timeout")])
    assert (ServerHealth.UNMONITORED, "timeout") == (only(plane, project).health, only(plane, project).reason)

    asyncio.run(clock.advance(SILENT_AFTER_MS / 1000 + 1))
    assert ServerHealth.STOPPED == only(plane, project).health

    plane.states.report([ScrapeOutcome(target.target_id, clock.now_ms(), 0)])
    assert ServerHealth.UNKNOWN == only(plane, project).health

    plane.states.flush()
    plane.states.forget([target.target_id])
    assert ServerHealth.UNKNOWN == only(plane, project).health, "another process reads it from the database"
    assert [] == plane.server_states.all(other)
    assert [] == plane.server_states.all(project, region="jp")


def test_outcomes_of_an_agent_that_scrapes_itself_are_worth_nothing_when_it_is_silent(
    plane: ControlPlane, project: Project, clock: ManualClock
) -> None:
    plane.host_agents.register(project, {"hostNm": "web", "machineId": "m-1", "collects": True}, "10.0.0.1")
    (server,) = plane.servers.all(project)
    (target,) = plane.targets.scrape_targets(project.project_id, host_id=server.host_id)
    plane.states.report([ScrapeOutcome(target.target_id, clock.now_ms(), 0)])

    assert ServerHealth.NORMAL == only(plane, project).health
    asyncio.run(clock.advance(SILENT_AFTER_MS / 1000 + 1))
    assert ServerHealth.STOPPED == only(plane, project).health


def test_a_removed_server_is_shown_when_asked_for_and_forgotten_after_a_month(
    plane: ControlPlane, project: Project, clock: ManualClock
) -> None:
    other = plane.projects.create({"name": "beta"}).project
    gone = plane.servers.create(project, {"hostNm": "old", "svrIp": "10.0.0.1", "instanceId": "i-1"})
    kept = plane.servers.create(project, {"hostNm": "kept", "svrIp": "10.0.0.2"})
    plane.servers.delete(project, gone.host_id)
    shown = plane.server_states.all(project, with_removed=True)

    assert [kept] == [state.server for state in plane.server_states.all(project)]
    assert [(kept, ServerHealth.STOPPED, None), (gone, ServerHealth.DELETED, clock.now_ms())] == [
        (state.server, state.health, state.removed_ms) for state in shown
    ]
    assert [] == plane.server_states.all(other, with_removed=True)
    assert [] == plane.server_states.all(project, region="us", with_removed=True)

    asyncio.run(clock.advance(REMEMBERED_MS / 1000))
    plane.servers.delete(project, kept.host_id)
    assert [kept] == [state.server for state in plane.server_states.all(project, with_removed=True)]


def test_no_more_than_so_many_removed_servers_are_remembered(
    plane: ControlPlane, project: Project, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bongsu.control.removed.MOST_REMEMBERED", 2)
    for number in range(4):
        server = plane.servers.create(project, {"hostNm": f"s{number}", "svrIp": "10.0.0.1"})
        asyncio.run(clock.advance(1))
        plane.servers.delete(project, server.host_id)

    assert ["s2", "s3"] == [
        state.server.name for state in plane.server_states.all(project, with_removed=True)
    ]
