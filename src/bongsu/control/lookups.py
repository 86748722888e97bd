"""The look-ups that calls on prepared statements begin with, and what they read: values, no rows of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, select, update

from bongsu.control.rows import is_id, unknown_project, unknown_server, unknown_workspace
from bongsu.control.tables import ProjectRow, ServerRow, WorkspaceRow
from bongsu.control.values import Server, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bongsu.control.prepared import Reading, Transaction

PROJECT = (
    ProjectRow.project_id,
    ProjectRow.pcode,
    ProjectRow.name,
    ProjectRow.region,
    ProjectRow.retention_ms,
    ProjectRow.linux_workspace,
    ProjectRow.windows_workspace,
    ProjectRow.allowed_networks,
    ProjectRow.limits,
    ProjectRow.created_ms,
)
"""In the order of the fields of `ProjectRecord`."""
WORKSPACE = (
    WorkspaceRow.job_id,
    WorkspaceRow.name,
    WorkspaceRow.region,
    WorkspaceRow.metrics_path,
    WorkspaceRow.description,
    WorkspaceRow.reserved_code,
    WorkspaceRow.modified_ms,
)
"""In the order of the fields of `Workspace`."""
SERVER = (
    ServerRow.host_id,
    ServerRow.name,
    ServerRow.address,
    ServerRow.region,
    ServerRow.instance_id,
    ServerRow.created_ms,
    ServerRow.os,
)
"""In the order of the fields of `Server`."""

_LOCK = (
    select(ProjectRow.pcode, ProjectRow.project_id, ProjectRow.limits)
    .where(ProjectRow.project_id == bindparam("project_id"))
    .with_for_update()
)
_TOUCH = (
    update(ProjectRow)
    .where(ProjectRow.pcode == bindparam("of"))
    .values(targets_revision=ProjectRow.targets_revision + 1)
)
_WORKSPACE = select(*WORKSPACE).where(
    WorkspaceRow.job_id == bindparam("job_id"), WorkspaceRow.pcode == bindparam("pcode")
)
_SERVER = select(*SERVER).where(
    ServerRow.host_id == bindparam("host_id"), ServerRow.pcode == bindparam("pcode")
)


class ProjectRecord(NamedTuple):
    """What a project's row holds, for `bongsu.control.rows.project_of`."""

    project_id: str
    pcode: int
    name: str
    region: str
    retention_ms: int
    linux_workspace: bool
    windows_workspace: bool
    allowed_networks: list[str]
    limits: dict[str, int]
    created_ms: int


class LockedProject(NamedTuple):
    """What a change of what a project holds needs to know of it; its row stays locked until the transaction ends."""

    pcode: int
    project_id: str
    limits: Mapping[str, int]


def lock_owner(transaction: Transaction, project_id: str) -> LockedProject:
    """Lock a project for a change of what it holds, as `bongsu.control.rows.lock_project`, or raise UnknownProject."""
    rows = transaction.rows(_LOCK, project_id=project_id)
    if not rows:
        raise unknown_project(project_id)
    return LockedProject._make(rows[0])


def count_change(transaction: Transaction, owner: LockedProject) -> None:
    """Count a change of what is scraped for a locked project."""
    transaction.run(_TOUCH, of=owner.pcode)


def read_workspace(reading: Reading, pcode: int, job_id: str) -> Workspace:
    """Return a workspace, or raise UnknownWorkspace; another project's is unknown."""
    rows = reading.rows(_WORKSPACE, job_id=job_id, pcode=pcode) if is_id(job_id) else []
    if not rows:
        raise unknown_workspace(job_id)
    return Workspace(*rows[0])


def read_server(reading: Reading, pcode: int, host_id: str) -> Server:
    """Return a server, or raise UnknownServer; another project's is unknown."""
    rows = reading.rows(_SERVER, host_id=host_id, pcode=pcode) if is_id(host_id) else []
    if not rows:
        raise unknown_server(host_id)
    return Server(*rows[0])
