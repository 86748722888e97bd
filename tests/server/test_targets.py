"""What is scraped goes from the control plane to the scraper, how it went comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.runtime.clock import ManualClock
from bongsu.scrape.outcomes import Health, ScrapeOutcome
from bongsu.server.config import LimitSettings, ScrapeSettings
from bongsu.server.stores import ProjectStores
from bongsu.server.targets import TargetFeed
from bongsu.storage.limited import LimitMetrics
from bongsu.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.control.values import Project


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
    listing = await house.feed.board.newer_than(None)

    (target,) = [target for target in listing.targets if target.id == house.target]
    assert "http://10.0.0.7:8080/metrics" == target.url
    assert {"job": "web", "instance": "10.0.0.7:8080", "openmetrics_id": house.target} == dict(target.labels)
    assert target.store is house.stores.by_id(house.project.project_id)


@pytest.mark.anyio
async def test_an_unchanged_list_is_not_published_again(house: House) -> None:
    house.feed.refresh()
    first = await house.feed.board.newer_than(None)
    house.feed.refresh()

    assert first.revision == (await house.feed.board.newer_than(None)).revision


@pytest.mark.parametrize(
    ("health", "status", "error", "code", "reason"),
    [
        (Health.UP, 200, "", 0, None),
        (Health.DOWN, 503, "HTTP 503 Service Unavailable", 503, "HTTP 503 Service Unavailable"),
        (Health.DOWN, None, "connection refused", -1, "connection refused"),
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


def test_another_project_sees_no_targets(house: House) -> None:
    other = house.control.projects.create({"name": "other"}).project
    house.feed.refresh()

    assert [] == list(house.feed.targets(other.project_id))
    assert "web" not in house.feed.pools(other.project_id)
    assert "web" in house.feed.pools(house.project.project_id)


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
