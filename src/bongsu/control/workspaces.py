"""Workspaces: the jobs of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bongsu.control.audit import SYSTEM
from bongsu.control.changes import Topic
from bongsu.control.checks import (
    MAX_DESCRIPTION,
    check_job_name,
    check_optional_text,
    check_path,
    check_region,
)
from bongsu.control.errors import ReservedWorkspace
from bongsu.control.rows import (
    find_workspace,
    lock_project,
    refusing_duplicates,
    touch_targets,
    workspace_of,
)
from bongsu.control.tables import ProjectRow, WorkspaceRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.values import Actor, Project, Workspace


class Workspaces:
    """The workspaces of all projects. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext) -> None:
        self._context = context

    def all(self, project: Project, region: str) -> list[Workspace]:
        """Return the workspaces of a project in a region, oldest first."""
        check_region(region, self._context.options.regions)
        query = (
            select(WorkspaceRow)
            .where(WorkspaceRow.pcode == project.pcode, WorkspaceRow.region == region)
            .order_by(WorkspaceRow.job_id)
        )
        with self._context.database.read() as session:
            return [workspace_of(row) for row in session.scalars(query)]

    def get(self, project: Project, job_id: str) -> Workspace:
        """Return one workspace, or raise UnknownWorkspace."""
        with self._context.database.read() as session:
            return workspace_of(find_workspace(session, project.pcode, job_id))

    def create(
        self, project: Project, region: str, fields: Mapping[str, object], *, actor: Actor = SYSTEM
    ) -> Workspace:
        """
        Make a workspace from ``jobName``, ``metricsPath`` and, if wanted, ``description``; other fields are passed over.

        Raises
        ------
        BadValue, AlreadyExists, LimitExceeded
            If a field is wrong, the name is taken in the region, or the project has ``max_workspaces`` workspaces.
        """
        row = self._new_row(project, region, fields)
        taken = (
            f"the project has a workspace {row.name!r} in region {region!r} already; choose another 'jobName'"
        )
        with self._context.database.write() as session:
            owner = lock_project(session, project.project_id)
            with refusing_duplicates(session, taken):
                session.add(row)
            self._check_room(session, owner)
            detail: dict[str, object] = {
                "jobName": row.name,
                "region": region,
                "metricsPath": row.metrics_path,
            }
            self._context.audit.record(
                session, actor, "workspace.create", row.job_id, project.project_id, **detail
            )
        self._context.changes.announce(Topic.TARGETS)
        return workspace_of(row)

    def update(
        self, project: Project, job_id: str, fields: Mapping[str, object], *, actor: Actor = SYSTEM
    ) -> Workspace:
        """
        Change ``metricsPath`` and ``description`` of a workspace; a description that is missing stays.

        Raises
        ------
        UnknownWorkspace, ReservedWorkspace, BadValue
            In this order of precedence.
        """
        with self._context.database.write() as session:
            owner = lock_project(session, project.project_id)
            row = find_workspace(session, project.pcode, job_id)
            refuse_reserved(row, "cannot be modified")
            touch_targets(owner)
            row.metrics_path = check_path(fields.get("metricsPath"))
            if "description" in fields:
                row.description = check_optional_text(
                    "description", fields["description"], maximum=MAX_DESCRIPTION
                )
            row.modified_ms = self._context.clock.now_ms()
            self._context.audit.record(
                session, actor, "workspace.update", job_id, project.project_id, metricsPath=row.metrics_path
            )
            workspace = workspace_of(row)
        self._context.changes.announce(Topic.TARGETS)
        return workspace

    def delete(self, project: Project, job_id: str, *, actor: Actor = SYSTEM) -> None:
        """Remove a workspace with its targets; its samples stay, and a new one of the same name sees them again."""
        with self._context.database.write() as session:
            owner = lock_project(session, project.project_id)
            row = find_workspace(session, project.pcode, job_id)
            refuse_reserved(row, "cannot be deleted")
            session.delete(row)
            touch_targets(owner)
            self._context.audit.record(
                session, actor, "workspace.delete", job_id, project.project_id, jobName=row.name
            )
        self._context.changes.announce(Topic.TARGETS)

    def _new_row(self, project: Project, region: str, fields: Mapping[str, object]) -> WorkspaceRow:
        description = fields.get("description")
        return WorkspaceRow(
            job_id=self._context.ids.make(),
            pcode=project.pcode,
            region=check_region(region, self._context.options.regions),
            name=check_job_name(fields.get("jobName")),
            metrics_path=check_path(fields.get("metricsPath")),
            description=check_optional_text("description", description, maximum=MAX_DESCRIPTION),
            modified_ms=self._context.clock.now_ms(),
        )

    def _check_room(self, session: Session, owner: ProjectRow) -> None:
        present = count_workspaces(session, owner.pcode)
        self._context.refuse_beyond(owner, "max_workspaces", present, "workspaces: the project")


def count_workspaces(session: Session, pcode: int) -> int:
    """Return how many workspaces a project has made."""
    made = (WorkspaceRow.pcode == pcode, WorkspaceRow.reserved_code.is_(None))
    return session.scalar(select(func.count()).select_from(WorkspaceRow).where(*made)) or 0


def refuse_reserved(row: WorkspaceRow, what: str) -> None:
    """Raise ReservedWorkspace for a workspace that users cannot change."""
    if row.reserved_code is not None:
        raise ReservedWorkspace(
            f"{row.name!r} is a default workspace and {what}; it follows the project's servers by itself, and the project's "
            f"setting '{row.reserved_code.lower()}Workspace' switches it off"
        )
