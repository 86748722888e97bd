"""The whole store: the data folder, the log, and one database per project."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from bongsu.runtime.files import FolderLock, sync_folder, write_whole
from bongsu.storage.errors import StoreClosed, StoreLocked
from bongsu.tsdb.database import Database
from bongsu.tsdb.log import SEGMENT_BYTES, CommitLog
from bongsu.tsdb.metrics import StoreMetrics
from bongsu.tsdb.records import RecordType
from bongsu.tsdb.recovery import Recovery

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from prometheus_client import CollectorRegistry
    from structlog.typing import FilteringBoundLogger

    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import StoreOptions
    from bongsu.tsdb.segments import Record

_PROJECT_FILE = "project.json"
_DROPPED_SUFFIX = ".dropped"


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """
    How the store is, for the status page.

    Attributes
    ----------
    refuses_writes
        Why writes are refused at the moment, or None.
    damage
        What was set aside at the start, one line each.
    """

    projects: int
    log_segments: int
    log_bytes: int
    last_sequence: int
    replayed_records: int
    refuses_writes: str | None
    damage: tuple[str, ...]


class TsdbStore:
    """
    The embedded store in a folder of its own.

    Parameters
    ----------
    folder
        Made when it is missing; one process at a time may have it.
    sync
        How a log file becomes durable; tests let it fail.

    Raises
    ------
    StoreLocked
        If another process has the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        registry: CollectorRegistry,
        log: FilteringBoundLogger,
        segment_bytes: int = SEGMENT_BYTES,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._logger = log
        self._metrics = StoreMetrics(registry)
        for part in (folder, folder / "log", folder / "projects"):
            part.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(folder)
        self._mutex = threading.Lock()
        self._closed = False
        self._by_number: dict[int, Database] = {}
        self._by_name: dict[str, Database] = {}
        try:
            self._load_projects()
            self._recovery = Recovery(folder / "log", metrics=self._metrics, logger=log)
            self._recovery.run(self._replay)
            self._log = CommitLog(
                folder / "log",
                last_segment=self._recovery.last_segment,
                last_sequence=self._recovery.last_sequence,
                metrics=self._metrics,
                segment_bytes=segment_bytes,
                sync=sync,
            )
        except BaseException:
            self._lock.release()
            raise
        for database in self._by_number.values():
            database.start(self._log)

    def project(self, project_id: str, options: StoreOptions) -> Database:
        """Return the view of one project, made when it is new."""
        with self._mutex:
            if self._closed:
                raise StoreClosed
            database = self._by_name.get(project_id)
            if database is None:
                database = self._make_project(project_id)
            database.options = options
            return database

    def drop_project(self, project_id: str) -> None:
        """Remove all data of a project, durably."""
        with self._mutex:
            if self._closed:
                raise StoreClosed
            database = self._by_name.get(project_id)
            if database is None:
                return
            database.close()
            ticket = self._log.submit(database.number, RecordType.DROP_PROJECT, b"")
            self._log.wait(ticket)
            self._forget(database)

    def status(self) -> StoreStatus:
        """Return how the store is."""
        segments = [path.stat().st_size for path in (self._folder / "log").glob("*.log")]
        with self._mutex:
            return StoreStatus(
                projects=len(self._by_name),
                log_segments=len(segments),
                log_bytes=sum(segments),
                last_sequence=self._log.last_sequence,
                replayed_records=self._recovery.replayed,
                refuses_writes=self._log.refuses,
                damage=tuple(self._recovery.damage),
            )

    def close(self) -> None:
        """Finish writes, release the data folder."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            for database in self._by_name.values():
                database.close()
            self._log.close()
            self._lock.release()

    def _load_projects(self) -> None:
        for folder in sorted((self._folder / "projects").iterdir()):
            if folder.name.endswith(_DROPPED_SUFFIX):
                shutil.rmtree(folder)
            elif (folder / _PROJECT_FILE).exists():
                said = orjson.loads((folder / _PROJECT_FILE).read_bytes())
                self._enter(Database(said["number"], said["id"], clock=self._clock, metrics=self._metrics))

    def _make_project(self, project_id: str) -> Database:
        # A number may come again only after every record with it has left the log, drop record included; records of a dropped
        # project are older than its drop, so the log's highest number is enough to know.
        number = 1 + max((*self._by_number, self._recovery.highest_project), default=0)
        self._recovery.highest_project = number
        folder = self._project_folder(number)
        folder.mkdir()
        write_whole(folder / _PROJECT_FILE, [orjson.dumps({"id": project_id, "number": number})])
        sync_folder(folder.parent)
        database = Database(number, project_id, clock=self._clock, metrics=self._metrics)
        database.start(self._log)
        return self._enter(database)

    def _enter(self, database: Database) -> Database:
        self._by_number[database.number] = database
        self._by_name[database.name] = database
        return database

    def _replay(self, record: Record) -> None:
        database = self._by_number.get(record.project)
        if database is None:
            return  # the project was dropped later on: its folder goes only after the drop is in the log
        if record.type == RecordType.DROP_PROJECT:
            self._forget(database)
        elif record.sequence > database.applied_sequence:
            database.replay(record.type, record.sequence, record.payload)

    def _forget(self, database: Database) -> None:
        del self._by_number[database.number]
        del self._by_name[database.name]
        folder = self._project_folder(database.number)
        # Renamed first, so that a crash in the middle of the removal leaves nothing that looks like a project.
        shutil.rmtree(folder.rename(folder.with_name(folder.name + _DROPPED_SUFFIX)))

    def _project_folder(self, number: int) -> Path:
        return self._folder / "projects" / f"{number:08d}"


def _take_lock(folder: Path) -> FolderLock:
    try:
        return FolderLock(folder / "LOCK")
    except BlockingIOError as error:
        raise StoreLocked(
            f"another process has the data folder {folder}; stop it, or give this one a folder of its own"
        ) from error
