"""What is scraped goes from the control plane to the scraper, how it went comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.runtime.clock import ManualClock
from bongsu.scrape.outcomes import Health, ScrapeOutcome
from bongsu.server.settings import LimitSettings, ScrapeSettings
from bongsu.server.stores import ProjectStores
from bongsu.server.targets import TargetFeed
from bongsu.storage.limited import LimitMetrics
from bongsu.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.control.values import Project
    from bongsu.control.values import ScrapeTarget as Listed
    from bongsu.scrape.targets import ScrapeTarget


class House:
    """A control plane, stores and a feed over them, with one server and one target."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.control = ControlPlane(sqlite_url(folder / "control.db"), self.clock)
        self.store = MemoryStore()
        self.stores = ProjectStores(
            self.store, self.control, LimitSettings(), self.clock, LimitMetrics(CollectorRegistry())
        )
        self.feed = TargetFeed(self.control, self.stores.by_id, ScrapeSettings(), self.clock)
        self.project: Project = self.control.projects.create(
            {"name": "team", "linuxWorkspace": False}
        ).project
        self.host = self.control.servers.create(
            self.project, {"hostNm": "machine", "svrIp": "10.0.0.7"}
        ).host_id
        self.job = self.control.workspaces.create(
            self.project, self.project.region, {"jobName": "web", "metricsPath": "/metrics"}
        ).job_id
        self.target = self.control.targets.create(self.project, self.job, {"hostId": self.host, "port": 8080})

    def outcome(self, health: Health, status: int | None, error: str) -> ScrapeOutcome:
        return ScrapeOutcome(self.target, self.clock.now_ms(), 0.1, health, status, error)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.control.close()


@pytest.mark.anyio
async def test_a_target_is_published_with_its_labels(house: House) -> None:
    house.feed.refresh()
    (target,) = (await house.feed.board.newer_than(0)).groups[house.project.project_id]
    assert "http://10.0.0.7:8080/metrics" == target.url
    assert {"job": "web", "instance": "10.0.0.7:8080", "openmetrics_id": house.target} == dict(target.labels)
    assert target.store is house.stores.by_id(house.project.project_id)


@pytest.mark.anyio
async def test_an_unchanged_list_is_not_published_again(house: House) -> None:
    house.feed.refresh()
    first = await house.feed.board.newer_than(0)
    house.feed.refresh()

    assert first.revision == (await house.feed.board.newer_than(0)).revision


@pytest.mark.parametrize(
    ("health", "status", "error", "code", "reason"),
    [
        (Health.UP, 200, "", 0, None),
        (Health.DOWN, 503, "HTTP 503 Service Unavailable", 503, "HTTP 503 Service Unavailable"),
        (Health.DOWN, None, "connection refused", -2, "connection refused"),
        (Health.DOWN, None, "timeout", -1, "timeout"),
        (Health.DOWN, 200, "line 3: no value", -1, "line 3: no value"),
    ],
)
def test_an_outcome_shows_at_once_as_a_code_and_a_reason(
    house: House, health: Health, status: int | None, error: str, code: int, reason: str | None
) -> None:
    house.feed.refresh()
    house.feed.record(house.outcome(health, status, error))

    state = house.control.targets.get(house.project, house.job, house.target).state
    assert (code, reason) == (state.result_code, state.reason)
    (view,) = [v for v in house.feed.targets(house.project.project_id) if v.pool == "web"]
    assert (health.value, error) == (view.health, view.last_error)


def options(house: House, given: dict[str, object], target_id: str | None = None) -> None:
    house.control.scraping.change(house.project, house.job, lambda _: given, target_id=target_id)
    house.feed.refresh()


async def published(house: House) -> list[ScrapeTarget]:
    return list((await house.feed.board.newer_than(0)).groups[house.project.project_id])


@pytest.mark.anyio
async def test_options_of_the_workspace_and_of_the_target_reach_the_scraper(house: House) -> None:
    options(house, {"scrape_interval": "30s", "honor_labels": True, "sample_limit": 7})
    options(house, {"scheme": "https", "params": {"a": ["b"]}}, house.target)
    (target,) = await published(house)

    assert "https://10.0.0.7:8080/metrics?a=b" == target.url
    assert (30.0, True, 7) == (target.interval_s, target.options.honor_labels, target.limits.max_samples)


@pytest.mark.anyio
async def test_a_dropped_target_is_listed_and_not_published(house: House) -> None:
    options(
        house,
        {"relabel_configs": [{"source_labels": ["__meta_bongsu_server"], "regex": "m.*", "action": "drop"}]},
    )
    (view,) = house.feed.targets(house.project.project_id)

    assert [] == await published(house)
    assert (True, "machine", "web") == (
        view.dropped,
        view.discovered_labels["__meta_bongsu_server"],
        view.pool,
    )


@pytest.mark.anyio
async def test_too_many_targets_of_a_workspace_are_all_refused(house: House) -> None:
    house.control.targets.create(house.project, house.job, {"hostId": house.host, "port": 8081})
    options(house, {"target_limit": 1})
    assert {
        "the workspace has 2 targets, 1 are allowed; remove some, or raise its option 'target_limit'"
    } == {target.refusal for target in await published(house)}
    options(house, {"target_limit": 2})
    assert {""} == {target.refusal for target in await published(house)}


@pytest.mark.anyio
async def test_a_change_is_worked_out_and_published_for_its_project_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = house.control.projects.create({"name": "other"}).project
    house.feed.refresh()
    first = await house.feed.board.newer_than(0)
    asked: list[str | None] = []
    read = house.control.targets.scrape_targets

    def noted(project_id: str | None = None) -> list[Listed]:
        asked.append(project_id)
        return read(project_id)

    monkeypatch.setattr(house.control.targets, "scrape_targets", noted)
    house.control.servers.create(other, {"hostNm": "theirs", "svrIp": "10.0.0.8"})
    house.feed.refresh()
    changes = await house.feed.board.newer_than(first.revision)

    assert [other.project_id] == asked == list(changes.groups)
    house.control.projects.delete(other.project_id)
    house.feed.refresh()
    gone = await house.feed.board.newer_than(changes.revision)
    assert {other.project_id: ()} == gone.groups


def test_another_project_sees_no_targets(house: House) -> None:
    other = house.control.projects.create({"name": "other"}).project
    house.feed.refresh()

    assert [] == list(house.feed.targets(other.project_id))
    assert ["@Linux"] == [pool.name for pool in house.feed.pools(other.project_id)]
    assert ["web"] == [pool.name for pool in house.feed.pools(house.project.project_id)]


def test_the_outcome_of_a_removed_target_is_forgotten(house: House) -> None:
    house.feed.refresh()
    house.feed.record(house.outcome(Health.UP, 200, ""))
    house.control.targets.delete(house.project, house.job, house.target)
    house.feed.refresh()

    assert [] == [v for v in house.feed.targets(house.project.project_id) if v.pool == "web"]


def test_the_same_project_keeps_its_view_when_its_options_change(house: House) -> None:
    before = house.stores.by_id(house.project.project_id)
    house.control.projects.update(house.project.project_id, {"retention": "1d"})

    assert [] == house.stores.refresh()
    assert before is house.stores.by_id(house.project.project_id)
    assert 86_400_000 == before.inner.options.retention_ms  # type: ignore[attr-defined]


def test_a_removed_project_is_told_and_its_data_dropped(house: House) -> None:
    house.stores.by_id(house.project.project_id)
    house.control.projects.delete(house.project.project_id)

    assert [house.project.project_id] == house.stores.refresh()
    anew = ProjectStores(
        house.store, house.control, LimitSettings(), house.clock, LimitMetrics(CollectorRegistry())
    )
    assert [house.project.project_id] == anew.refresh(), "a start finds what a crash left behind"
    house.stores.drop(house.project.project_id)
    assert [] == house.stores.refresh()


@pytest.mark.anyio
async def test_an_operators_address_is_open_and_an_agents_is_judged(house: House) -> None:
    operators = house.control.servers.create(house.project, {"hostNm": "self", "svrIp": "127.0.0.1"}).host_id
    agents = house.control.host_agents.register(
        house.project, {"hostNm": "vm", "machineId": "m"}, "10.0.0.9"
    ).server.host_id
    made = {
        host: house.control.targets.create(house.project, house.job, {"hostId": host, "port": 9100})
        for host in (operators, agents)
    }
    house.feed.refresh()
    published = (await house.feed.board.newer_than(0)).groups[house.project.project_id]
    reach = {target.id: target.reach for target in published}

    # A rule may lead a target from one server of its project to the other: what an operator registered is open to both.
    for host in (operators, agents):
        assert (True, False) == (
            reach[made[host]].trusts("127.0.0.1"),
            reach[made[host]].trusts("10.0.0.9"),
        )
        assert "a loopback address" == reach[made[host]].refusal("127.0.0.2", 9100)


@pytest.mark.anyio
async def test_what_is_registered_in_one_project_is_closed_to_the_other(house: House) -> None:
    other = house.control.projects.create({"name": "other"}).project
    house.control.servers.create(house.project, {"hostNm": "self", "svrIp": "127.0.0.1"})
    house.control.servers.create(other, {"hostNm": "far", "svrIp": "10.0.0.8"})
    house.feed.refresh()
    groups = (await house.feed.board.newer_than(0)).groups

    assert [True] == [target.reach.trusts("127.0.0.1") for target in groups[house.project.project_id]]
    assert [False] == [target.reach.trusts("127.0.0.1") for target in groups[other.project_id]]


@pytest.mark.anyio
async def test_a_network_that_is_opened_to_one_project_stays_closed_to_the_other(house: House) -> None:
    other = house.control.projects.create({"name": "other"}).project
    house.control.servers.create(other, {"hostNm": "far", "svrIp": "far.example"})
    house.feed.refresh()
    seen = await house.feed.board.newer_than(0)
    house.control.projects.update(house.project.project_id, {"allowedNetworks": ["127.0.0.0/8"]})
    house.feed.refresh()
    opened = await house.feed.board.newer_than(seen.revision)

    assert [house.project.project_id] == list(opened.groups), (
        "a change of networks is a change of what is scraped"
    )
    (own,) = opened.groups[house.project.project_id]
    (others,) = seen.groups[other.project_id]
    assert ("", "a loopback address") == (
        own.reach.refusal("127.0.0.1", 80),
        others.reach.refusal("127.0.0.1", 80),
    )
