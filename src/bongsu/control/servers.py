"""Servers: the machines that a project may scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from bongsu.control.audit import SYSTEM
from bongsu.control.changes import Topic
from bongsu.control.checks import (
    check_address,
    check_known,
    check_optional_text,
    check_os,
    check_region,
    check_text,
)
from bongsu.control.lookups import SERVER, read_server
from bongsu.control.removed import remove_server
from bongsu.control.rows import (
    find_server,
    lock_project,
    refusing_duplicates,
    server_of,
    touch_targets,
)
from bongsu.control.tables import ServerRow
from bongsu.control.values import Server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.reserved import ReservedWorkspaces
    from bongsu.control.values import Actor, Project


_ALL = select(*SERVER).where(ServerRow.pcode == bindparam("pcode")).order_by(ServerRow.host_id)
_IN_REGION = _ALL.where(ServerRow.region == bindparam("region"))


class Servers:
    """The servers of all projects. Methods block and may be called from any thread."""

    FIELDS = ("hostNm", "svrIp", "instanceId", "region", "os")

    def __init__(self, context: ControlContext, reserved: ReservedWorkspaces) -> None:
        self._context = context
        self._reserved = reserved

    def all(self, project: Project, *, region: str | None = None) -> list[Server]:
        """Return the servers of a project, of one region or of all, oldest first."""
        database = self._context.database
        if region is None:
            return [Server(*row) for row in database.rows(_ALL, pcode=project.pcode)]
        return [Server(*row) for row in database.rows(_IN_REGION, pcode=project.pcode, region=region)]

    def get(self, project: Project, host_id: str) -> Server:
        """Return one server, or raise UnknownServer."""
        return read_server(self._context.database, project.pcode, host_id)

    def create(self, project: Project, fields: Mapping[str, object], *, actor: Actor = SYSTEM) -> Server:
        """
        Register a server; the project's reserved workspace follows it.

        Parameters
        ----------
        fields
            ``hostNm``, ``svrIp`` (any address or host name: an operator decides what is scraped), and, if wanted,
            ``instanceId``, ``os`` and ``region``, which is the project's own when missing.

        Raises
        ------
        BadValue, AlreadyExists, LimitExceeded
            If a field is wrong, the name is taken in the region, or the project has ``max_servers`` servers.
        """
        row = self._new_row(project, fields)
        with self._context.database.write() as session:
            owner = lock_project(session, project.project_id)
            with refusing_duplicates(session, _taken(row)):
                session.add(row)
            present = count_servers(session, owner.pcode)
            self._context.refuse_beyond(owner, "max_servers", present, "servers: the project")
            self._reserved.follow(session, owner, [row])
            touch_targets(owner)
            detail: dict[str, object] = {"hostNm": row.name, "svrIp": row.address, "region": row.region}
            self._context.audit.record(
                session, actor, "server.create", row.host_id, project.project_id, **detail
            )
        self._context.changes.announce(Topic.TARGETS)
        return server_of(row)

    def update(
        self, project: Project, host_id: str, fields: Mapping[str, object], *, actor: Actor = SYSTEM
    ) -> Server:
        """Change a server's name, address, instance id or system; its targets follow the address, its region stays."""
        check_known(fields, ("hostNm", "svrIp", "instanceId", "os"))
        with self._context.database.write() as session:
            owner = lock_project(session, project.project_id)
            row = find_server(session, project.pcode, host_id)
            touch_targets(owner)
            if "hostNm" in fields:
                row.name = check_text("hostNm", fields["hostNm"])
            if "svrIp" in fields:
                row.address = check_address(fields["svrIp"])
            if "instanceId" in fields:
                row.instance_id = check_optional_text("instanceId", fields["instanceId"])
            if "os" in fields:
                row.os = check_os(fields["os"])
            with refusing_duplicates(session, _taken(row)):
                self._context.audit.record(
                    session, actor, "server.update", host_id, project.project_id, **dict(fields)
                )
            self._reserved.follow(session, owner, [row])
            server = server_of(row)
        self._context.changes.announce(Topic.TARGETS)
        return server

    def delete(self, project: Project, host_id: str, *, actor: Actor = SYSTEM) -> None:
        """Remove a server with its targets; their samples stay."""
        with self._context.database.write() as session:
            owner = lock_project(session, project.project_id)
            row = find_server(session, project.pcode, host_id)
            remove_server(session, row, self._context.clock.now_ms())
            touch_targets(owner)
            self._context.audit.record(
                session, actor, "server.delete", host_id, project.project_id, hostNm=row.name
            )
        self._context.changes.announce(Topic.TARGETS)

    def _new_row(self, project: Project, fields: Mapping[str, object]) -> ServerRow:
        check_known(fields, self.FIELDS)
        region = fields.get("region")
        return ServerRow(
            host_id=self._context.ids.make(),
            pcode=project.pcode,
            name=check_text("hostNm", fields.get("hostNm")),
            address=check_address(fields.get("svrIp")),
            instance_id=check_optional_text("instanceId", fields.get("instanceId")),
            region=project.region if region is None else check_region(region, self._context.options.regions),
            created_ms=self._context.clock.now_ms(),
            os=check_os(fields.get("os")),
        )


def count_servers(session: Session, pcode: int) -> int:
    """Return how many servers a project has."""
    return session.scalar(select(func.count()).select_from(ServerRow).where(ServerRow.pcode == pcode)) or 0


def _taken(row: ServerRow) -> str:
    return f"the project has a server {row.name!r} in region {row.region!r} already; choose another 'hostNm'"
