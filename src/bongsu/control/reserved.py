"""
Reserved workspaces: made by the server, following the project's servers, closed to changes.

Each project has one in its own region from the start, and one in every other region in which it has a server.
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


class ReservedWorkspaces:
    """Keeps reserved workspaces as they must be, in the caller's transaction."""

    def __init__(self, ids: TimeOrderedIds, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock

    def switch_on(self, session: Session, project: ProjectRow) -> None:
        """Make what the project must have; what is there already stays as it is."""
        servers = session.scalars(
            select(ServerRow).where(ServerRow.pcode == project.pcode).order_by(ServerRow.host_id)
        ).all()
        self._workspace(session, project.pcode, project.region)
        self.follow(session, project, servers)

    def switch_off(self, session: Session, project: ProjectRow) -> None:
        """Remove the project's reserved workspaces with their targets; their samples stay."""
        session.execute(
            delete(WorkspaceRow).where(
                WorkspaceRow.pcode == project.pcode, WorkspaceRow.reserved_code == LINUX.code
            )
        )

    def follow(self, session: Session, project: ProjectRow, servers: Iterable[ServerRow]) -> None:
        """Give servers their targets, if the project wants them and they have none."""
        if not project.linux_workspace:
            return
        for server in servers:
            job_id = self._workspace(session, project.pcode, server.region)
            present = select(TargetRow).where(TargetRow.job_id == job_id, TargetRow.host_id == server.host_id)
            if session.scalar(present) is None:
                session.add(
                    TargetRow(
                        target_id=self._ids.make(),
                        job_id=job_id,
                        host_id=server.host_id,
                        port=LINUX.port,
                        modified_ms=self._clock.now_ms(),
                    )
                )
        session.flush()

    def _workspace(self, session: Session, pcode: int, region: str) -> str:
        found = session.scalar(
            select(WorkspaceRow.job_id).where(
                WorkspaceRow.pcode == pcode, WorkspaceRow.region == region, WorkspaceRow.name == LINUX.name
            )
        )
        if found is not None:
            return found
        row = WorkspaceRow(
            job_id=self._ids.make(),
            pcode=pcode,
            region=region,
            name=LINUX.name,
            metrics_path=LINUX.path,
            description=LINUX.description,
            reserved_code=LINUX.code,
            modified_ms=self._clock.now_ms(),
        )
        session.add(row)
        session.flush()
        return row.job_id
