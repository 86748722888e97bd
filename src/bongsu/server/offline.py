"""The stores of a stopped server, for commands that work on its data folder."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry

from bongsu.model.errors import InvalidInput, NotFound
from bongsu.runtime.clock import SystemClock
from bongsu.storage.contract import StoreOptions
from bongsu.storage.errors import StoreLocked
from bongsu.tsdb import TsdbStore
from bongsu.tsdb.inspection import locked, working_copy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
def writing(data: Path) -> Iterator[TsdbStore]:
    """Give the store of a stopped server itself: what a crash left is repaired, as the next start would do."""
    folder = store_folder(data)
    try:
        with _opened(folder) as store:
            yield store
    except StoreLocked as error:
        raise StoreLocked(f"a running server has the data folder {data}; stop it, or {LIVE_HINT}") from error


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
def _opened(folder: Path) -> Iterator[TsdbStore]:
    store = TsdbStore(
        folder,
        clock=SystemClock(),
        registry=CollectorRegistry(),
        log=structlog.get_logger().bind(part="store"),
        upkeep_interval_s=None,
    )
    try:
        yield store
    finally:
        store.close()
