"""Projects: made with their two keys and reserved workspace, changed, removed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from bongsu.control.audit import SYSTEM
from bongsu.control.changes import Topic
from bongsu.control.checks import (
    check_flag,
    check_known,
    check_limits,
    check_networks,
    check_region,
    check_retention,
    check_text,
)
from bongsu.control.ids import make_project_id
from bongsu.control.keys import count_keys
from bongsu.control.layouts import count_layouts
from bongsu.control.limits import LimitUse
from bongsu.control.rows import find_project, lock_project, project_of, refusing_duplicates, touch_targets
from bongsu.control.servers import count_servers
from bongsu.control.tables import ProjectRow
from bongsu.control.values import ALL_SCOPES, DEFAULT_RETENTION_MS, Project, Scope
from bongsu.control.workspaces import count_workspaces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.keys import Keys
    from bongsu.control.reserved import ReservedWorkspaces
    from bongsu.control.values import Actor

APP_KEY_NAME = "appkey"
TOKEN_NAME = "token"  # noqa: S105 - a key's name, not its secret
_DEFAULTS: Mapping[str, Any] = {
    "retention_ms": DEFAULT_RETENTION_MS,
    "linux_workspace": True,
    "windows_workspace": True,
    "allowed_networks": [],
}


@dataclass(frozen=True, slots=True)
class NewProject:
    """
    A project with its first two keys, at the one moment at which they are known.

    Attributes
    ----------
    appkey
        Has all scopes.
    token
        May read.
    """

    project: Project
    appkey: str = field(repr=False)
    token: str = field(repr=False)


class Projects:
    """All projects. Methods block and may be called from any thread."""

    FIELDS = (
        "name",
        "region",
        "retention",
        "linuxWorkspace",
        "windowsWorkspace",
        "limits",
        "allowedNetworks",
    )
    """What `create` and `update` take; a region is given once, at the start."""

    def __init__(self, context: ControlContext, keys: Keys, reserved: ReservedWorkspaces) -> None:
        self._context = context
        self._keys = keys
        self._reserved = reserved

    def all(self) -> list[Project]:
        """Return all projects, oldest first."""
        with self._context.database.read() as session:
            return [project_of(row) for row in session.scalars(select(ProjectRow).order_by(ProjectRow.pcode))]

    def get(self, project_id: str) -> Project:
        """Return one project, or raise UnknownProject."""
        with self._context.database.read() as session:
            return project_of(find_project(session, project_id))

    def create(
        self,
        fields: Mapping[str, object],
        *,
        project_id: str | None = None,
        actor: Actor = SYSTEM,
        fill: Callable[[Session, ProjectRow], None] = lambda _session, _row: None,
    ) -> NewProject:
        """
        Make a project with two keys, ``appkey`` with all scopes and ``token`` that may read.

        Parameters
        ----------
        fields
            ``name``; and, if wanted, ``region``, ``retention`` (a duration, ``0`` for ever), ``linuxWorkspace``,
            ``windowsWorkspace``, ``limits``, ``allowedNetworks``.
        project_id
            Given for the first project of a server, and for one that comes from another; random otherwise.
        fill
            Puts in what the project is to have from the start, in the same transaction.
        """
        check_known(fields, self.FIELDS)
        values = {**_DEFAULTS, **self._checked(fields)}
        values["name"] = check_text("name", fields.get("name"))
        values["region"] = self._region(fields)
        values["limits"] = _without_none(values.get("limits", {}))
        row = ProjectRow(
            project_id=project_id or make_project_id(), created_ms=self._context.clock.now_ms(), **values
        )
        with self._context.database.write() as session:
            made = self._add(session, row, actor, fill)
        self._context.changes.announce(Topic.ACCESS, Topic.TARGETS)
        return made

    def update(self, project_id: str, fields: Mapping[str, object], *, actor: Actor = SYSTEM) -> Project:
        """Change the given fields; limits are merged by name, and null takes a project's own value away."""
        check_known(fields, tuple(name for name in self.FIELDS if name != "region"))
        values = self._checked(fields)
        with self._context.database.write() as session:
            row = lock_project(session, project_id)
            before = self._reserved.wanted(row)
            if "limits" in values:
                values["limits"] = _without_none(row.limits | values["limits"])
            for name, value in values.items():
                setattr(row, name, value)
            session.flush()
            if self._reserved.wanted(row) != before:
                self._reserved.apply(session, row)
            if self._reserved.wanted(row) != before or not values.keys().isdisjoint(
                {"allowed_networks", "limits"}
            ):
                touch_targets(row)
            self._context.audit.record(
                session, actor, "project.update", project_id, project_id, **dict(fields)
            )
            project = project_of(row)
        self._context.changes.announce(Topic.ACCESS, Topic.TARGETS)
        return project

    def limits(self, project_id: str) -> list[LimitUse]:
        """Return every limit of a project, in the order of their names."""
        with self._context.database.read() as session:
            row = find_project(session, project_id)
            used = {
                "max_workspaces": count_workspaces(session, row.pcode),
                "max_servers": count_servers(session, row.pcode),
                "max_keys": count_keys(session, row.pcode),
                "max_layouts": count_layouts(session, row.pcode),
            }
        return [
            LimitUse(
                limit.name,
                limit.default,
                row.limits.get(limit.name),
                used.get(limit.name),
                setting=limit.setting,
            )
            for limit in self._context.options.all_limits()
        ]

    def delete(self, project_id: str, *, actor: Actor = SYSTEM) -> None:
        """Remove a project with its keys, servers, workspaces and targets; its samples are the store's to drop."""
        with self._context.database.write() as session:
            row = lock_project(session, project_id)
            session.delete(row)
            self._context.audit.record(
                session, actor, "project.delete", project_id, project_id, name=row.name
            )
        self._context.changes.announce(Topic.ACCESS, Topic.TARGETS)

    def _add(
        self,
        session: Session,
        row: ProjectRow,
        actor: Actor,
        fill: Callable[[Session, ProjectRow], None],
    ) -> NewProject:
        with refusing_duplicates(
            session, f"there is a project {row.project_id!r} already; choose another id"
        ):
            session.add(row)
        self._context.audit.record(
            session, actor, "project.create", row.project_id, row.project_id, name=row.name, region=row.region
        )
        fill(session, row)
        self._reserved.apply(session, row)
        appkey = self._keys.add(session, row, APP_KEY_NAME, ALL_SCOPES, actor=actor)
        token = self._keys.add(session, row, TOKEN_NAME, frozenset({Scope.READ}), actor=actor)
        return NewProject(project_of(row), appkey.text, token.text)

    def _checked(self, fields: Mapping[str, object]) -> dict[str, Any]:
        """Return the columns that the given fields set, region and a missing name left out."""
        values: dict[str, Any] = {}
        if "name" in fields:
            values["name"] = check_text("name", fields["name"])
        if "retention" in fields:
            values["retention_ms"] = check_retention(fields["retention"])
        if "linuxWorkspace" in fields:
            values["linux_workspace"] = check_flag("linuxWorkspace", fields["linuxWorkspace"])
        if "windowsWorkspace" in fields:
            values["windows_workspace"] = check_flag("windowsWorkspace", fields["windowsWorkspace"])
        if "allowedNetworks" in fields:
            values["allowed_networks"] = check_networks(fields["allowedNetworks"])
        if "limits" in fields:
            values["limits"] = check_limits(
                fields["limits"], [limit.name for limit in self._context.options.all_limits()]
            )
        return values

    def _region(self, fields: Mapping[str, object]) -> str:
        regions = self._context.options.regions
        return check_region(fields["region"], regions) if fields.get("region") is not None else regions[0]


def _without_none(limits: Mapping[str, int | None]) -> dict[str, int]:
    return {name: limit for name, limit in limits.items() if limit is not None}
