"""What an operator can ask of the store while it runs: its state, a check, snapshots, room for deleted samples."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bongsu.api.admin.store import StoreReport
from bongsu.api.prometheus.admin import BlockFacts
from bongsu.model.errors import Unavailable
from bongsu.runtime.files import sync_folder
from bongsu.tsdb.checkpoint import CHECKPOINT_NAME
from bongsu.tsdb.database import Database
from bongsu.tsdb.inspection import quarantined_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client import CollectorRegistry

    from bongsu.runtime.clock import Clock
    from bongsu.server.stores import ProjectStores
    from bongsu.tsdb import TsdbStore

_SNAPSHOTS = "snapshots"


class Maintenance(Collector):
    """
    Watches over the store of a running server. Safe from any thread.

    Parameters
    ----------
    data
        The data folder: the store is in ``store``, snapshots go to ``snapshots``.
    registry
        Takes ``bongsu_tsdb_quarantined_bytes{file}``.
    """

    def __init__(
        self, data: Path, store: TsdbStore, stores: ProjectStores, clock: Clock, registry: CollectorRegistry
    ) -> None:
        self._folder = data / "store"
        self._snapshots = data / _SNAPSHOTS
        self._store = store
        self._stores = stores
        self._clock = clock
        registry.register(self)

    def report(self) -> StoreReport:
        """Return how the store is."""
        status = self._store.status()
        return StoreReport(
            projects=status.projects,
            logSegments=status.log_segments,
            logBytes=status.log_bytes,
            refusesWrites=status.refuses_writes,
            damage=status.damage,
            quarantined=tuple(
                str(path.relative_to(self._folder)) for path in quarantined_files(self._folder)
            ),
        )

    def verify(self) -> None:
        """Check every checksum of every block; damaged ones are set aside."""
        self._store.verify()

    def damaged_parts(self) -> int:
        """Return how many parts of files were found damaged since the start."""
        return len(self._store.status().damage)

    def blocks(self, project_id: str) -> list[BlockFacts]:
        """Return the blocks of a project, oldest first."""
        metas = sorted(
            self._database(project_id).block_metas(), key=lambda meta: (meta.min_time, meta.number)
        )
        return [
            BlockFacts(
                meta.number,
                meta.level,
                meta.min_time,
                meta.max_time,
                meta.series,
                meta.samples,
                meta.chunks,
                meta.sources,
            )
            for meta in metas
        ]

    def clean_tombstones(self, project_id: str) -> None:
        """Write the blocks that have deletions anew, without what was deleted."""
        self._database(project_id).clean()

    def snapshot(self, project_id: str, *, skip_head: bool) -> str:
        """
        Make a data folder with the samples of one project below ``snapshots`` in the data folder; return its name.

        Parameters
        ----------
        skip_head
            Leave out the samples that are not in a block yet.
        """
        moment = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{moment}-{secrets.token_hex(8)}"
        database = self._database(project_id)
        folder = self._snapshots / name / "store"
        target = folder / "projects" / f"{database.number:08d}"
        try:
            target.mkdir(parents=True)
            (folder / "log").mkdir()
            database.snapshot(target)
            if skip_head:
                (target / CHECKPOINT_NAME).unlink()
            sync_folder(target.parent)
        except OSError as error:
            raise Unavailable(f"no snapshot could be made in {self._snapshots}: {error.strerror}") from error
        return name

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: files are listed when metrics are asked for, not when this is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the files that were set aside."""
        family = GaugeMetricFamily(
            "bongsu_tsdb_quarantined_bytes",
            "Bytes of each file that was set aside as damaged.",
            labels=["file"],
        )
        for path in quarantined_files(self._folder):
            family.add_metric([str(path.relative_to(self._folder))], path.stat().st_size)
        yield family

    def _database(self, project_id: str) -> Database:
        database = self._stores.own(project_id)
        assert isinstance(database, Database), (
            f"BUG: maintenance of a store that is none of ours; got {database!r}"
        )
        return database
