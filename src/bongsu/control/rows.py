"""From rows to values, and the look-ups that every service begins with."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bongsu.control.errors import (
    AlreadyExists,
    UnknownProject,
    UnknownServer,
    UnknownTarget,
    UnknownWorkspace,
)
from bongsu.control.tables import KeyRow, ProjectRow, ServerRow, TargetRow, WorkspaceRow
from bongsu.control.values import Key, Project, ProjectSettings, Scope, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from bongsu.control.lookups import ProjectRecord

_SHOWN = 100
"""Characters of an unknown id that an error repeats."""
_MAX_ID = 64
"""The longest id that any column holds."""


def is_id(text: str) -> bool:
    """
    Tell whether a text can be an id at all.

    What comes from a URL may hold anything, NUL and half surrogates included, which databases refuse in their own words.
    """
    return len(text) <= _MAX_ID and text.isascii() and text.replace("-", "").isalnum()


def project_of(row: ProjectRow | ProjectRecord) -> Project:
    """Return the value of a project's row."""
    settings = ProjectSettings(
        retention_ms=row.retention_ms,
        linux_workspace=row.linux_workspace,
        windows_workspace=row.windows_workspace,
        limits=tuple(sorted(row.limits.items())),
        allowed_networks=tuple(row.allowed_networks),
    )
    return Project(row.project_id, row.pcode, row.name, row.region, settings, row.created_ms)


def key_of(row: KeyRow) -> Key:
    """Return the value of a key's row, without its secret."""
    return Key(row.key_id, row.name, scopes_of(row.scopes), row.created_ms, row.expires_ms, row.last_used_ms)


def scopes_of(text: str) -> frozenset[Scope]:
    """Return the scopes that a row holds as text."""
    return frozenset(map(Scope, text.split(",")))


def server_of(row: ServerRow) -> Server:
    """Return the value of a server's row."""
    return Server(row.host_id, row.name, row.address, row.region, row.instance_id, row.created_ms, row.os)


def find_project(session: Session, project_id: str) -> ProjectRow:
    """Return a project's row, or raise UnknownProject."""
    return _found_project(session, project_id, select(ProjectRow))


def lock_project(session: Session, project_id: str) -> ProjectRow:
    """
    Return a project's row for a change of what it holds.

    On PostgreSQL the row is locked until the transaction ends, so that counts against limits are exact and what hangs on the
    project cannot lose it meanwhile; on SQLite the whole database is.
    """
    return _found_project(session, project_id, select(ProjectRow).with_for_update())


def _found_project(session: Session, project_id: str, query: Select[ProjectRow]) -> ProjectRow:
    row = session.scalar(query.where(ProjectRow.project_id == project_id)) if is_id(project_id) else None
    if row is None:
        raise unknown_project(project_id)
    return row


def unknown_project(project_id: str) -> UnknownProject:
    """Return the error of a project that is not there."""
    return UnknownProject(
        f"there is no project {project_id[:_SHOWN]!r}; the list of projects has the ids that exist"
    )


def find_server(session: Session, pcode: int, host_id: str) -> ServerRow:
    """Return a server's row, or raise UnknownServer; another project's is unknown."""
    row = session.get(ServerRow, host_id) if is_id(host_id) else None
    if row is None or row.pcode != pcode:
        raise unknown_server(host_id)
    return row


def unknown_server(host_id: str) -> UnknownServer:
    """Return the error of a server that is not there."""
    return UnknownServer(
        f"the project has no server {host_id[:_SHOWN]!r}; the list of servers has the ids that exist"
    )


def find_workspace(session: Session, pcode: int, job_id: str) -> WorkspaceRow:
    """Return a workspace's row, or raise UnknownWorkspace; another project's is unknown."""
    row = session.get(WorkspaceRow, job_id) if is_id(job_id) else None
    if row is None or row.pcode != pcode:
        raise unknown_workspace(job_id)
    return row


def unknown_workspace(job_id: str) -> UnknownWorkspace:
    """Return the error of a workspace that is not there."""
    return UnknownWorkspace(
        f"the project has no workspace {job_id[:_SHOWN]!r}; the list of workspaces has the ids that exist"
    )


def find_target(session: Session, job_id: str, target_id: str) -> TargetRow:
    """Return the row of a workspace's target, or raise UnknownTarget; another workspace's is unknown."""
    row = session.get(TargetRow, target_id) if is_id(target_id) else None
    if row is None or row.job_id != job_id:
        raise unknown_target(target_id)
    return row


def unknown_target(target_id: str) -> UnknownTarget:
    """Return the error of a target that is not there."""
    return UnknownTarget(
        f"the workspace has no target {target_id[:_SHOWN]!r}; the list of targets has the ids that exist"
    )


def touch_targets(project: ProjectRow) -> None:
    """Count a change of what is scraped for a project, in the caller's transaction, which has locked its row."""
    project.targets_revision += 1


@contextlib.contextmanager
def refusing_duplicates(session: Session, message: str) -> Iterator[None]:
    """Flush at the end of the block, and raise AlreadyExists when the database finds a value taken."""
    try:
        yield
        session.flush()
    except IntegrityError as error:
        raise AlreadyExists(message) from error
