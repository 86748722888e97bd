"""
Reserved workspaces: made by the server, following the project's servers, closed to changes.

A server belongs to that of its operating system. Each project has ``@Linux`` in its own region from the start; every other one, of
another region or system, comes with the first server that belongs to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from bongsu.control.tables import ProjectRow, ServerRow, TargetRow, WorkspaceRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

    from bongsu.control.ids import TimeOrderedIds
    from bongsu.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class ReservedKind:
    """What a reserved workspace scrapes on each server. Users' names cannot hold '@', so these cannot clash."""

    name: str
    code: str
    port: int
    path: str
    description: str


LINUX = ReservedKind("@Linux", "LINUX", 9100, "/metrics", "Node exporter of every registered server")
WINDOWS = ReservedKind(
    "@Windows", "WINDOWS", 9182, "/metrics", "Windows exporter of every registered server with Windows"
)


class ReservedWorkspaces:
    """Keeps reserved workspaces as they must be, in the caller's transaction."""

    def __init__(self, ids: TimeOrderedIds, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock

    @staticmethod
    def wanted(project: ProjectRow) -> frozenset[ReservedKind]:
        """Return the kinds that the project's settings ask for."""
        switches = ((LINUX, project.linux_workspace), (WINDOWS, project.windows_workspace))
        return frozenset(kind for kind, is_on in switches if is_on)

    def apply(self, session: Session, project: ProjectRow) -> None:
        """Make what the project must have and remove what it does not want, with its targets; samples stay."""
        wanted = self.wanted(project)
        unwanted = [kind.code for kind in (LINUX, WINDOWS) if kind not in wanted]
        session.execute(
            delete(WorkspaceRow).where(
                WorkspaceRow.pcode == project.pcode, WorkspaceRow.reserved_code.in_(unwanted)
            )
        )
        if LINUX in wanted:
            self._workspace(session, project.pcode, project.region, LINUX)
        servers = session.scalars(
            select(ServerRow).where(ServerRow.pcode == project.pcode).order_by(ServerRow.host_id)
        ).all()
        self.follow(session, project, servers)

    def follow(self, session: Session, project: ProjectRow, servers: Iterable[ServerRow]) -> None:
        """Give servers the targets of their kind, if the project wants them and they have none, and no others."""
        wanted = self.wanted(project)
        for server in servers:
            kind = WINDOWS if server.os == "windows" else LINUX
            self._leave_others(session, server, kind)
            if kind in wanted:
                self._join(session, project, server, kind)
        session.flush()

    def _join(self, session: Session, project: ProjectRow, server: ServerRow, kind: ReservedKind) -> None:
        job_id = self._workspace(session, project.pcode, server.region, kind)
        present = select(TargetRow).where(TargetRow.job_id == job_id, TargetRow.host_id == server.host_id)
        if session.scalar(present) is None:
            session.add(
                TargetRow(
                    target_id=self._ids.make(),
                    job_id=job_id,
                    host_id=server.host_id,
                    port=kind.port,
                    modified_ms=self._clock.now_ms(),
                )
            )

    @staticmethod
    def _leave_others(session: Session, server: ServerRow, kind: ReservedKind) -> None:
        others = select(WorkspaceRow.job_id).where(
            WorkspaceRow.pcode == server.pcode,
            WorkspaceRow.reserved_code.is_not(None),
            WorkspaceRow.reserved_code != kind.code,
        )
        session.execute(
            delete(TargetRow).where(TargetRow.host_id == server.host_id, TargetRow.job_id.in_(others))
        )

    def _workspace(self, session: Session, pcode: int, region: str, kind: ReservedKind) -> str:
        found = session.scalar(
            select(WorkspaceRow.job_id).where(
                WorkspaceRow.pcode == pcode, WorkspaceRow.region == region, WorkspaceRow.name == kind.name
            )
        )
        if found is not None:
            return found
        row = WorkspaceRow(
            job_id=self._ids.make(),
            pcode=pcode,
            region=region,
            name=kind.name,
            metrics_path=kind.path,
            description=kind.description,
            reserved_code=kind.code,
            modified_ms=self._clock.now_ms(),
        )
        session.add(row)
        session.flush()
        return row.job_id
