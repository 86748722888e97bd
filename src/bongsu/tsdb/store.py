"""The whole store: the data folder, the log, and one database per project."""

from __future__ import annotations

import functools
import os
import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from bongsu.runtime.files import FolderLock, sync_folder, write_whole
from bongsu.storage.errors import StoreClosed, StoreLocked, StoreReadOnly
from bongsu.tsdb.database import Database
from bongsu.tsdb.log import SEGMENT_BYTES, CommitLog
from bongsu.tsdb.metrics import StoreMetrics
from bongsu.tsdb.records import RecordType
from bongsu.tsdb.recovery import Recovery
from bongsu.tsdb.segments import first_sequence, list_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from prometheus_client import CollectorRegistry
    from structlog.typing import FilteringBoundLogger

    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import StoreOptions
    from bongsu.tsdb.segments import Record

UPKEEP_INTERVAL_S = 30.0
"""Blocks are due every two hours; twice a minute is soon enough for everything, and costs nothing when nothing is due."""

_REST_S = 1.0
"""Rest before upkeep that was asked for, so that who asks all the time gets it once a second at most."""

_LOG_PER_HEAD = 1 / 4
"""
The log may be this large compared with the heads before checkpoints are taken in between.

A checkpoint writes a head anew, at some 40% of its size in memory; a start reads the log, which costs five times as much a sample.
"""

_SMALL_LOG = 8 << 20
"""Bytes of log that a start reads in half a second: not worth a checkpoint."""

_WORTH_ROLLING = 1 << 20
"""Bytes of the open segment that are worth a new one, so that it can go when its records are in checkpoints: a small log stays in one file."""

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
    upkeep_interval_s
        How often a thread of the store's own calls `upkeep`; None leaves that to the caller.

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
        upkeep_interval_s: float | None = UPKEEP_INTERVAL_S,
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._damage: list[str] = []
        self._clock = clock
        self._logger = log
        self._metrics = StoreMetrics(registry)
        for part in (folder, folder / "log", folder / "projects"):
            part.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(folder)
        self._mutex = threading.Lock()
        self._closed = False
        self._stop, self._upkeep_wanted = threading.Event(), threading.Event()
        self._by_number: dict[int, Database] = {}
        self._by_name: dict[str, Database] = {}
        try:
            self._load_projects()
            self._recovery = Recovery(folder / "log", metrics=self._metrics, logger=log)
            self._recovery.run(self._replay)
            self._log = CommitLog(
                folder / "log",
                last_segment=self._recovery.last_segment,
                # Numbers go on above all that were ever used, those of records that have left the log for a checkpoint included.
                last_sequence=max(
                    self._recovery.last_sequence,
                    *(database.saved_sequence for database in self._by_number.values()),
                    0,
                ),
                metrics=self._metrics,
                segment_bytes=segment_bytes,
                sync=sync,
            )
        except BaseException:
            self._lock.release()
            raise
        for database in self._by_number.values():
            database.start(self._log)
        self._upkeep_thread: threading.Thread | None = None
        if upkeep_interval_s is not None:
            self._upkeep_thread = threading.Thread(
                target=self._keep_up, args=(upkeep_interval_s,), name="store-upkeep", daemon=True
            )
            self._upkeep_thread.start()

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

    def project_ids(self) -> list[str]:
        """Return the ids of all projects that the store keeps something of."""
        with self._mutex:
            return list(self._by_name)

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

    def upkeep(self) -> None:
        """
        Do what is due: blocks from heads, merges, retention, checkpoints; remove the log that nothing needs; let idle projects sleep.

        One project's trouble does not keep it from the others; it is logged, and tried again at the next call.
        """
        flushed = [
            database
            for database in self._databases()
            if self._attempt("writing blocks", database, database.flush)
        ]
        self._save_heads(self._databases() if self._log_is_long() else flushed)
        self._shorten_log()
        for database in self._databases():
            self._attempt("tidying", database, database.tidy)
        for database in self._databases():
            self._attempt("putting to sleep", database, database.sleep_if_idle)

    def verify(self) -> tuple[str, ...]:
        """Check every checksum of every block; return what was found damaged, ever since the start, one line each."""
        for database in self._databases():
            self._attempt("verifying", database, database.verify)
        return self.status().damage

    def snapshot(self, target: Path) -> None:
        """
        Make `target` a folder that a store can be opened on, with everything acknowledged before the call.

        It must not exist, and must be on the same file system: blocks are hard-linked.
        """
        (target / "projects").mkdir(parents=True)
        (target / "log").mkdir()
        for database in self._databases():
            folder = target / "projects" / f"{database.number:08d}"
            folder.mkdir()
            database.snapshot(folder)
        sync_folder(target / "projects")
        sync_folder(target)

    def status(self) -> StoreStatus:
        """Return how the store is."""
        segments = self._segment_sizes()
        with self._mutex:
            return StoreStatus(
                projects=len(self._by_name),
                log_segments=len(segments),
                log_bytes=sum(segments),
                last_sequence=self._log.last_sequence,
                replayed_records=self._recovery.replayed,
                refuses_writes=self._log.refuses,
                damage=(*self._recovery.damage, *self._damage),
            )

    def close(self) -> None:
        """Finish writes, release the data folder."""
        self._stop.set()
        self._upkeep_wanted.set()
        if self._upkeep_thread is not None:
            self._upkeep_thread.join()
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
                self._enter(said["number"], said["id"])

    def _make_project(self, project_id: str) -> Database:
        # A number may come again only after every record with it has left the log, drop record included; records of a dropped
        # project are older than its drop, so the log's highest number is enough to know.
        number = 1 + max((*self._by_number, self._recovery.highest_project), default=0)
        self._recovery.highest_project = number
        folder = self._project_folder(number)
        try:
            folder.mkdir(exist_ok=True)  # without its file it is what an earlier attempt left behind
            write_whole(folder / _PROJECT_FILE, [orjson.dumps({"id": project_id, "number": number})])
            sync_folder(folder.parent)
        except OSError as error:
            raise StoreReadOnly(
                f"the folder of project {project_id!r} could not be made: {error}; nothing was kept, try again"
            ) from error
        database = self._enter(number, project_id)
        database.start(self._log)
        return database

    def _enter(self, number: int, project_id: str) -> Database:
        database = Database(
            number,
            project_id,
            self._project_folder(number),
            clock=self._clock,
            metrics=self._metrics,
            told=self._tell,
            want_upkeep=self._upkeep_wanted.set,
        )
        self._by_number[number] = database
        self._by_name[project_id] = database
        return database

    def _databases(self) -> list[Database]:
        with self._mutex:
            return [] if self._closed else list(self._by_number.values())

    def _tell(self, message: str) -> None:
        self._damage.append(message)
        self._metrics.damaged("blocks")
        self._logger.error("damage in the store", what=message)

    def _keep_up(self, interval_s: float) -> None:
        while not self._stop.is_set():
            self._upkeep_wanted.wait(interval_s)
            self._upkeep_wanted.clear()
            if not self._stop.wait(_REST_S):
                self.upkeep()

    def _attempt(self, what: str, database: Database, act: Callable[[], bool | None]) -> bool:
        """Do something for one project; return its answer, or that there was none."""
        try:
            return bool(act())
        except StoreClosed:
            return False  # dropped meanwhile
        except (OSError, StoreReadOnly) as error:
            self._metrics.upkeep_failed()
            self._logger.warning("upkeep failed", what=what, project=database.name, error=str(error))
        except Exception:
            # A defect in one project's upkeep must not end it for all; what it left undone is tried again.
            self._metrics.upkeep_failed()
            self._logger.exception("upkeep failed", what=what, project=database.name)
        return False

    def _log_is_long(self) -> bool:
        """Tell whether the log is long compared with the heads, so that checkpoints of all should take its place."""
        size = sum(self._segment_sizes())
        heads = sum(database.head_bytes() for database in self._databases())
        return size >= max(min(self._segment_bytes, _SMALL_LOG), _LOG_PER_HEAD * heads)

    def _segment_sizes(self) -> list[int]:
        """Return the bytes of each segment, without the room that is made ahead."""
        last = self._log.segment
        segments = list_segments(self._folder / "log")
        return [path.stat().st_size if number < last else self._log.size for number, path in segments]

    def _save_heads(self, databases: Sequence[Database]) -> None:
        """Take checkpoints; the log up to now is not needed for these projects any more."""
        if not databases:
            return
        settled = self._log.roll() if self._log.size >= _WORTH_ROLLING else 0
        for database in databases:
            self._attempt("saving", database, functools.partial(database.save, settled=settled))

    def _shorten_log(self) -> None:
        """Remove the segments that nothing needs."""
        segments = list_segments(self._folder / "log")
        closed = [(number, path) for number, path in segments if number < self._log.segment]
        held = [h for h in (database.held_sequence() for database in self._databases()) if h is not None]
        firsts = [first_sequence(path) for _, path in segments]
        for (_, path), next_first in zip(closed, firsts[1:], strict=False):
            # A segment goes when the next one begins at or before the oldest record that is needed.
            if next_first is None or (held and next_first > min(held)):
                break
            path.unlink()

    def _replay(self, record: Record) -> None:
        database = self._by_number.get(record.project)
        if database is None:
            return  # the project was dropped later on: its folder goes only after the drop is in the log
        if record.type == RecordType.DROP_PROJECT:
            self._forget(database)
        elif record.sequence > database.saved_sequence:
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
