"""What an operator asks of the store while it runs: its state, what was set aside, snapshots, room for deleted samples."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from tests.support.stores import EVER, KEEP_ALL, Row, equals, expected, found, open_tsdb, write_rows

from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.runtime.clock import ManualClock
from bongsu.server.maintenance import Maintenance
from bongsu.server.settings import LimitSettings
from bongsu.server.stores import ProjectStores
from bongsu.storage.limited import LimitMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.storage.contract import ProjectStore
    from bongsu.tsdb import TsdbStore

HOUR = 3_600_000
BEGIN = 1_700_000_000_000 // (2 * HOUR) * (2 * HOUR)
UP, LOAD = {"__name__": "up"}, {"__name__": "load"}


class Site:
    """A store with two projects, of which the first has blocks, and what watches over it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        clock = ManualClock(BEGIN + 5 * HOUR)
        self.registry = CollectorRegistry()
        self.store: TsdbStore = open_tsdb(data / "store", clock=clock, registry=self.registry)
        self.control = ControlPlane(sqlite_url(data / "control.db"), clock)
        self.stores = ProjectStores(
            self.store, self.control, LimitSettings(), clock, LimitMetrics(CollectorRegistry())
        )
        self.one, self.two = (
            self.control.projects.create({"name": name}).project.project_id for name in ("one", "two")
        )
        self.watch = Maintenance(data, self.store, self.stores, clock, self.registry)
        self.rows = [Row(labels, BEGIN + 60_000 * i, float(i)) for labels in (UP, LOAD) for i in range(300)]
        write_rows(self.project(self.one), self.rows)
        write_rows(self.project(self.two), [Row({"__name__": "hidden"}, BEGIN, 1.0)])
        self.store.upkeep()

    def project(self, project_id: str) -> ProjectStore:
        return self.stores.by_id(project_id)

    def blocks(self) -> list[Path]:
        return sorted(self.data.glob("store/projects/*/blocks/*.block"))

    def close(self) -> None:
        self.store.close()
        self.control.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "data")
    yield site
    site.close()


def test_a_sound_store_says_so(site: Site) -> None:
    report = site.watch.report()

    assert (2, None, (), ()) == (report.projects, report.refusesWrites, report.damage, report.quarantined)
    assert report.logBytes > 0
    assert 0 == site.watch.damaged_parts()
    assert None is site.registry.get_sample_value("bongsu_tsdb_quarantined_bytes")


def test_what_is_set_aside_is_named_by_report_and_metrics_also_after_a_restart(site: Site) -> None:
    (block,) = site.blocks()
    content = bytearray(block.read_bytes())
    for at in range(64, 128):
        content[at] ^= 1
    block.write_bytes(content)
    site.watch.verify()

    report = site.watch.report()
    (name,) = report.quarantined
    assert name.endswith(f"blocks/quarantine/{block.name}")
    (damage,) = report.damage
    assert block.name in damage
    assert 1 == site.watch.damaged_parts()
    labels = {"file": name}
    assert len(content) == site.registry.get_sample_value("bongsu_tsdb_quarantined_bytes", labels)

    site.close()
    registry = CollectorRegistry()
    with contextlib.closing(open_tsdb(site.data / "store", registry=registry)) as store:
        again = Maintenance(site.data, store, site.stores, ManualClock(), registry).report()
        assert ((name,), ()) == (again.quarantined, again.damage)


def test_a_snapshot_holds_one_project_and_opens_as_a_data_folder(site: Site) -> None:
    write_rows(site.project(site.one), [Row(UP, BEGIN + 5 * HOUR, 9.0)])
    whole = site.watch.snapshot(site.one, skip_head=False)
    blocks_only = site.watch.snapshot(site.one, skip_head=True)
    site.project(site.one).delete([], *EVER)

    with contextlib.closing(open_tsdb(site.data / "snapshots" / whole / "store")) as store:
        assert [site.one] == store.project_ids()
        found_rows = found(store.project(site.one, KEEP_ALL))
        assert expected(*site.rows, Row(UP, BEGIN + 5 * HOUR, 9.0)) == found_rows
    with contextlib.closing(open_tsdb(site.data / "snapshots" / blocks_only / "store")) as store:
        assert 0 < sum(map(len, found(store.project(site.one, KEEP_ALL)).values())) < 600


def test_deleted_samples_give_their_room_back(site: Site) -> None:
    project = site.project(site.one)
    (before,) = site.blocks()
    size = before.stat().st_size
    project.delete([[equals("__name__", "load")]], *EVER)
    kept = found(project)
    assert size == before.stat().st_size

    site.watch.clean_tombstones(site.one)

    (after,) = site.blocks()
    assert after.stat().st_size < size
    assert not list(site.data.rglob("*.tombstones"))
    assert kept == found(project)
