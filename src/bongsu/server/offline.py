"""The stores of a stopped server, for commands that work on its data folder."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry

from bongsu.client.transfer.summary import Fault, Summary
from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.ingest.imports import Importer, ImportMetrics
from bongsu.ingest.remote_write import IngestMetrics, RemoteWriter
from bongsu.model.errors import InvalidInput, NotFound
from bongsu.runtime.clock import SystemClock
from bongsu.server.config import load_settings
from bongsu.server.options import control_options
from bongsu.server.stores import ProjectStores
from bongsu.storage.contract import StoreOptions
from bongsu.storage.errors import StoreLocked
from bongsu.storage.limited import LimitMetrics
from bongsu.tsdb import TsdbStore
from bongsu.tsdb.inspection import locked, working_copy
from bongsu.tsdb.store import UPKEEP_INTERVAL_S
from bongsu.wire.archive.json_lines import read_json_lines
from bongsu.wire.archive.text import TextReader
from bongsu.wire.remote_write.request import Version, WireRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.server.settings import Settings
    from bongsu.storage.contract import ProjectStore

_KEEP_ALL = StoreOptions(retention_ms=0)
LIVE_HINT = (
    "ask it: GET /admin/v1/store tells its state and checks its files, GET /prometheus/api/v1/export exports, "
    "POST /prometheus/api/v1/admin/tsdb/snapshot makes a snapshot, POST /prometheus/api/v1/import imports"
)


def store_folder(data: Path) -> Path:
    """
    Return the folder of the store in a data folder.

    Raises
    ------
    InvalidInput
        If there is none: a command that looks must not make one.
    """
    folder = data.expanduser().absolute() / "store"
    if not (folder / "projects").is_dir():
        raise InvalidInput(
            f"{data} is no data folder of a server: there is no {folder}/projects; give the folder of `bongsu serve --data`",
            id="no-data-folder",
        )
    return folder


@contextlib.contextmanager
def reading(data: Path) -> Iterator[TsdbStore]:
    """Give all data of a stopped server for reading; its files stay as they are, what a crash left included."""
    folder = store_folder(data)
    with locked(folder, LIVE_HINT), working_copy(folder) as copy, _opened(copy) as store:
        yield store


@contextlib.contextmanager
def writing(data: Path, *, upkeep: bool = False) -> Iterator[TsdbStore]:
    """Give the store of a stopped server itself: what a crash left is repaired, as the next start would do."""
    folder = store_folder(data)
    try:
        with _opened(folder, upkeep=upkeep) as store:
            yield store
    except StoreLocked as error:
        raise StoreLocked(f"a running server has the data folder {data}; stop it, or {LIVE_HINT}") from error


@contextlib.contextmanager
def importing(data: Path, project_id: str | None) -> Iterator[tuple[str, ProjectStore]]:
    """Give the store of one project of a stopped server for writing, with the project's own retention and limits."""
    settings = load_settings(flags={"server.data": str(data)})
    with writing(data, upkeep=True) as store, contextlib.closing(_control(settings)) as control:
        known = [project.project_id for project in control.projects.all()]
        if project_id is None:
            if len(known) != 1:
                raise InvalidInput(
                    f"name one project with --project: there are {', '.join(known) or 'none'}",
                    id="project-missing",
                )
            project_id = known[0]
        metrics = LimitMetrics(CollectorRegistry())
        stores = ProjectStores(store, control, settings.limits, SystemClock(), metrics)
        yield project_id, stores.own(project_id)
        store.upkeep()


class FolderLines:
    """A sink of lines that writes into a store."""

    def __init__(self, store: ProjectStore, format: str, *, overwrite: bool) -> None:  # noqa: A002
        clock = SystemClock()
        self._importer = Importer(store, clock, ImportMetrics(CollectorRegistry()), overwrite=overwrite)
        text = TextReader(openmetrics=format == "openmetrics", default_ms=clock.now_ms())
        self._read = read_json_lines if format == "json" else text.read

    def send(self, lines: bytes, first_line: int) -> Summary:
        """Store whole lines and return when that is durable."""
        outcome = self._importer.write(self._read(lines, first_line))
        return Summary(
            outcome.written, outcome.refused, [Fault(fault.line, fault.message) for fault in outcome.faults]
        )

    def pass_over(self, lines: bytes) -> None:
        """Read what comment lines say of the lines after them."""
        self._read(lines, 1)


class FolderMessages:
    """A sink of remote write messages that writes into a store."""

    def __init__(self, store: ProjectStore) -> None:
        self._writer = RemoteWriter(store, SystemClock(), IngestMetrics(CollectorRegistry()))

    def send(self, message: bytes, samples: int) -> Summary:  # noqa: ARG002 - the Protocol's
        """Store a ``WriteRequest`` of version 1 and return when that is durable."""
        outcome = self._writer.write(WireRequest(message, Version.V1))
        faults = [Fault(0, fault) for fault in outcome.faults]
        return Summary(outcome.samples + outcome.histograms, outcome.refused, faults)


def _control(settings: Settings) -> ControlPlane:
    database = settings.server.database or sqlite_url(settings.data_folder / "control.db")
    return ControlPlane(database, SystemClock(), control_options(settings))


def project_of(store: TsdbStore, project_id: str, options: StoreOptions = _KEEP_ALL) -> ProjectStore:
    """Return the view of a project that is there; raises NotFound."""
    known = store.project_ids()
    if project_id not in known:
        raise NotFound(
            f"the store has nothing of a project {project_id!r}; it has {', '.join(sorted(known)) or 'no project'}",
            id="unknown-project",
        )
    return store.project(project_id, options)


def one_project(store: TsdbStore, project_id: str | None) -> tuple[str, ProjectStore]:
    """Return the project that is named, or the only one that there is; raises InvalidInput when none is named of several."""
    known = sorted(store.project_ids())
    if project_id is None:
        if len(known) != 1:
            raise InvalidInput(
                f"name one project with --project: there are {', '.join(known) or 'none'}",
                id="project-missing",
            )
        project_id = known[0]
    return project_id, project_of(store, project_id)


@contextlib.contextmanager
def _opened(folder: Path, *, upkeep: bool = False) -> Iterator[TsdbStore]:
    store = TsdbStore(
        folder,
        clock=SystemClock(),
        registry=CollectorRegistry(),
        log=structlog.get_logger().bind(part="store"),
        upkeep_interval_s=UPKEEP_INTERVAL_S if upkeep else None,
    )
    try:
        yield store
    finally:
        store.close()
