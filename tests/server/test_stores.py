"""A project's retention and limits reach its store, at once and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.runtime.clock import ManualClock
from bongsu.server.settings import LimitSettings
from bongsu.server.stores import ProjectStores
from bongsu.storage.limited import LimitMetrics
from bongsu.storage.memory import MemoryProjectStore, MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from bongsu.storage.contract import StoreOptions


def test_a_project_s_settings_win_over_the_server_s(tmp_path: Path) -> None:
    clock = ManualClock()
    control = ControlPlane(sqlite_url(tmp_path / "control.db"), clock)
    settings = LimitSettings(max_series=100, retention_bytes=1_000, max_samples_per_second=5)
    stores = ProjectStores(MemoryStore(), control, settings, clock, LimitMetrics(CollectorRegistry()))
    project = control.projects.create({"name": "one", "retention": "1d"}).project

    def options() -> StoreOptions:
        stores.refresh()
        inner = stores.own(project.project_id)
        assert isinstance(inner, MemoryProjectStore)
        return inner.options

    view = stores.by_id(project.project_id)
    assert (86_400_000, 1_000, 100, 5) == (
        options().retention_ms,
        options().retention_bytes,
        options().limits.max_series,
        view.rate.per_second,
    )
    row = control.projects.get(project.project_id)
    changed = type(row.settings)(
        row.settings.retention_ms, row.settings.linux_workspace, limits=(("retention_bytes", 7),)
    )
    stores.of(type(row)(row.project_id, row.pcode, row.name, row.region, changed))
    inner = stores.own(project.project_id)
    assert isinstance(inner, MemoryProjectStore)
    assert 7 == inner.options.retention_bytes
    assert (changed, None) == (stores.settings_of(project.project_id), stores.settings_of("unknown"))
    control.close()
