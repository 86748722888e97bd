"""One table of a project's limits: what holds, what is used, what was refused, whichever part it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from bongsu.apm.settings import ApmLimits
from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.model.errors import LimitExceeded
from bongsu.runtime.clock import ManualClock
from bongsu.scrape.outcomes import Failure, Health, ScrapeOutcome
from bongsu.server.limits import AGENTS, QUERY_SAMPLES, SCRAPE_SAMPLES, LimitGauges, ProjectLimits
from bongsu.server.options import control_options
from bongsu.server.settings import Settings
from bongsu.server.stores import ProjectStores
from bongsu.server.targets import TargetFeed
from bongsu.storage.limited import LimitMetrics
from bongsu.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.control.limits import LimitUse


class Office:
    """The control plane, stores, targets and limits of a server with two projects."""

    def __init__(self, folder: Path) -> None:
        settings, clock = Settings(), ManualClock()
        self.registry = CollectorRegistry()
        self.refusals = LimitMetrics(self.registry)
        self.control = ControlPlane(
            sqlite_url(folder / "control.db"),
            clock,
            control_options(settings),
            count_refusal=self.refusals.count,
        )
        self.stores = ProjectStores(MemoryStore(), self.control, settings.limits, clock, self.refusals)
        self.limits = ProjectLimits(self.control, self.stores, self.refusals, lambda _: ApmLimits(3, 40))
        self.feed = TargetFeed(
            self.control, self.stores.by_id, settings.scrape, clock, count_refusal=self.refusals.count
        )
        self.gauges = LimitGauges(self.control, self.limits, clock, self.registry)
        self.one, self.other = (self.control.projects.create({"name": name}).project for name in ("a", "b"))

    def table(self, project_id: str) -> dict[str, LimitUse]:
        counts = self.limits.counts(project_id)
        uses = self.control.projects.limits(project_id)
        return {use.name: use.with_count(counts.get(use.name)) for use in uses}

    def change(self, **limits: int | None) -> None:
        self.control.projects.update(self.one.project_id, {"limits": limits})
        self.stores.refresh()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.control.close()


def test_every_limit_of_every_part_is_in_the_table_with_its_setting(office: Office) -> None:
    table = office.table(office.one.project_id)

    assert {
        "max_agents": "apm.max_agents",
        "max_keys": "limits.max_keys",
        "max_label_name_bytes": "limits.max_label_name_bytes",
        "max_label_value_bytes": "limits.max_label_value_bytes",
        "max_labels_per_series": "limits.max_labels_per_series",
        "max_layouts": "limits.max_layouts",
        "max_query_samples": "query.max_samples",
        "max_samples_per_second": "limits.max_samples_per_second",
        "max_scrape_body_bytes": "scrape.max_body_bytes",
        "max_scrape_samples": "scrape.max_samples",
        "max_series": "limits.max_series",
        "max_servers": "limits.max_servers",
        "max_streams": "apm.max_streams",
        "max_targets_per_server": "limits.max_targets_per_server",
        "max_workspaces": "limits.max_workspaces",
        "retention_bytes": "limits.retention_bytes",
    } == {name: use.setting for name, use in table.items()}
    assert (3, 40, 2, 0) == tuple(
        table[name].used for name in ("max_agents", "max_streams", "max_keys", "max_series")
    )
    assert (50_000_000, 500_000) == (table[QUERY_SAMPLES].limit, table[SCRAPE_SAMPLES].limit)


def test_a_refused_call_is_counted_for_its_project_alone(office: Office) -> None:
    office.change(max_servers=1)
    office.control.servers.create(office.one, {"hostNm": "a", "svrIp": "10.0.0.1"})
    for _ in range(2):
        with pytest.raises(LimitExceeded):
            office.control.servers.create(office.one, {"hostNm": "b", "svrIp": "10.0.0.1"})
    mine, others = (office.table(project.project_id)["max_servers"] for project in (office.one, office.other))

    assert (1, 1, 2) == (mine.limit, mine.used, mine.refused)
    assert (5_000, 0, 0) == (others.limit, others.used, others.refused)


def test_a_changed_limit_holds_at_once_and_for_its_project_alone(office: Office) -> None:
    for project in (office.one, office.other):
        office.stores.by_id(project.project_id)
    office.change(max_agents=7, max_query_samples=9)

    assert (7, 9) == tuple(office.limits.of(office.one.project_id, name) for name in (AGENTS, QUERY_SAMPLES))
    assert 2_000 == office.limits.of(office.other.project_id, AGENTS)
    office.change(max_agents=None)
    assert 2_000 == office.limits.of(office.one.project_id, AGENTS)
    assert 2_000 == office.limits.of("unknown", AGENTS)


@pytest.mark.anyio
async def test_scrapes_follow_the_projects_own_limit_and_count_what_it_refuses(office: Office) -> None:
    office.control.servers.create(office.one, {"hostNm": "a", "svrIp": "10.0.0.1"})
    office.change(max_scrape_samples=10, max_scrape_body_bytes=2048)
    office.feed.refresh()
    (target,) = (await office.feed.board.newer_than(0)).groups[office.one.project_id]
    assert (2048, 10) == (target.limits.max_body_bytes, target.limits.max_samples)

    for failure in (Failure.SAMPLE_LIMIT, Failure.SAMPLE_LIMIT, Failure.TIMEOUT):
        office.feed.record(ScrapeOutcome(target.id, 1, 0.1, Health.DOWN, error="x", failure=failure))
    assert 2 == office.table(office.one.project_id)[SCRAPE_SAMPLES].refused
    assert 0 == office.table(office.other.project_id)[SCRAPE_SAMPLES].refused


def test_limits_and_their_use_are_shown_as_metrics_until_their_project_is_gone(office: Office) -> None:
    def shown(name: str, limit: str) -> float | None:
        labels = {"project": office.one.project_id, "limit": limit}
        return office.registry.get_sample_value(name, labels)

    office.gauges.refresh()
    assert (100.0, 2.0) == (shown("bongsu_limit", "max_keys"), shown("bongsu_limit_used", "max_keys"))
    assert shown("bongsu_limit", "max_labels_per_series") == 64
    assert shown("bongsu_limit_used", "max_labels_per_series") is None, "its use is not one number"
    assert shown("bongsu_limit", "retention_bytes") is None, "it does not hold"

    office.control.projects.delete(office.one.project_id)
    office.stores.drop(office.one.project_id)
    office.gauges.refresh()
    assert shown("bongsu_limit", "max_keys") is None
    assert shown("bongsu_limit_used", "max_keys") is None
