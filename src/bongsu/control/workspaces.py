"""Workspaces: the jobs of a project."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, select, update

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
from bongsu.control.lookups import WORKSPACE, count_change, lock_owner, read_workspace
from bongsu.control.tables import WorkspaceRow
from bongsu.control.values import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.values import Actor, Project


_ALL = (
    select(*WORKSPACE)
    .where(WorkspaceRow.pcode == bindparam("pcode"), WorkspaceRow.region == bindparam("region"))
    .order_by(WorkspaceRow.job_id)
)
_COUNT = (
    select(func.count())
    .select_from(WorkspaceRow)
    .where(WorkspaceRow.pcode == bindparam("pcode"), WorkspaceRow.reserved_code.is_(None))
)
_INSERT = insert(WorkspaceRow).inline()
_UPDATE = update(WorkspaceRow).where(WorkspaceRow.job_id == bindparam("of"))
_DELETE = delete(WorkspaceRow).where(WorkspaceRow.job_id == bindparam("of"))


class Workspaces:
    """The workspaces of all projects. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext) -> None:
        self._context = context

    def all(self, project: Project, region: str) -> list[Workspace]:
        """Return the workspaces of a project in a region, oldest first."""
        check_region(region, self._context.options.regions)
        rows = self._context.database.rows(_ALL, pcode=project.pcode, region=region)
        return [Workspace(*row) for row in rows]

    def get(self, project: Project, job_id: str) -> Workspace:
        """Return one workspace, or raise UnknownWorkspace."""
        return read_workspace(self._context.database, project.pcode, job_id)

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
        made = self._new(region, fields)
        taken = f"the project has a workspace {made.name!r} in region {region!r} already; choose another 'jobName'"
        with self._context.database.transaction() as transaction:
            owner = lock_owner(transaction, project.project_id)
            with transaction.refusing_duplicates(taken):
                transaction.run(_INSERT, pcode=owner.pcode, scrape="", **asdict(made))
            ((present,),) = transaction.rows(_COUNT, pcode=owner.pcode)
            self._context.refuse_beyond(owner, "max_workspaces", present, "workspaces: the project")
            detail: dict[str, object] = {
                "jobName": made.name,
                "region": region,
                "metricsPath": made.metrics_path,
            }
            self._context.audit.write(
                transaction, actor, "workspace.create", made.job_id, project.project_id, **detail
            )
        self._context.changes.announce(Topic.TARGETS)
        return made

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
        with self._context.database.transaction() as transaction:
            owner = lock_owner(transaction, project.project_id)
            before = read_workspace(transaction, owner.pcode, job_id)
            refuse_reserved(before, "cannot be modified")
            changed: dict[str, Any] = {
                "metrics_path": check_path(fields.get("metricsPath")),
                "description": _description(fields.get("description", before.description)),
                "modified_ms": self._context.clock.now_ms(),
            }
            transaction.run(_UPDATE, of=job_id, **changed)
            count_change(transaction, owner)
            self._context.audit.write(
                transaction,
                actor,
                "workspace.update",
                job_id,
                project.project_id,
                metricsPath=changed["metrics_path"],
            )
        self._context.changes.announce(Topic.TARGETS)
        return replace(before, **changed)

    def delete(self, project: Project, job_id: str, *, actor: Actor = SYSTEM) -> None:
        """Remove a workspace with its targets; its samples stay, and a new one of the same name sees them again."""
        with self._context.database.transaction() as transaction:
            owner = lock_owner(transaction, project.project_id)
            gone = read_workspace(transaction, owner.pcode, job_id)
            refuse_reserved(gone, "cannot be deleted")
            transaction.run(_DELETE, of=job_id)
            count_change(transaction, owner)
            self._context.audit.write(
                transaction, actor, "workspace.delete", job_id, project.project_id, jobName=gone.name
            )
        self._context.changes.announce(Topic.TARGETS)

    def _new(self, region: str, fields: Mapping[str, object]) -> Workspace:
        return Workspace(
            job_id=self._context.ids.make(),
            name=check_job_name(fields.get("jobName")),
            region=check_region(region, self._context.options.regions),
            metrics_path=check_path(fields.get("metricsPath")),
            description=_description(fields.get("description")),
            reserved_code=None,
            modified_ms=self._context.clock.now_ms(),
        )


def count_workspaces(session: Session, pcode: int) -> int:
    """Return how many workspaces a project has made."""
    return session.scalar(_COUNT, {"pcode": pcode}) or 0


def refuse_reserved(workspace: Workspace | WorkspaceRow, what: str) -> None:
    """Raise ReservedWorkspace for a workspace that users cannot change."""
    if workspace.reserved_code is not None:
        raise ReservedWorkspace(
            f"{workspace.name!r} is a default workspace and {what}; it follows the project's servers by itself, and the project's "
            f"setting '{workspace.reserved_code.lower()}Workspace' switches it off"
        )


def _description(value: object) -> str | None:
    return check_optional_text("description", value, maximum=MAX_DESCRIPTION)
