"""The trail of changes, written in the same transaction as the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from bongsu.control.rows import is_id
from bongsu.control.tables import AuditRow
from bongsu.control.values import Actor, AuditEntry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from bongsu.control.database import Database
    from bongsu.runtime.clock import Clock

SYSTEM = Actor("system")
"""Who makes the changes that the server makes by itself."""


def admin_actor(address: str | None = None) -> Actor:
    """Return the actor of what comes with the admin token."""
    return Actor("admin", address)


def key_actor(key_id: str, address: str | None = None) -> Actor:
    """Return the actor of what comes with a project's key."""
    return Actor(f"key:{key_id}", address)


class AuditTrail:
    """Writes and reads the trail."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def record(
        self,
        session: Session,
        actor: Actor,
        action: str,
        subject: str,
        project_id: str | None,
        **detail: object,
    ) -> None:
        """Add an entry to the caller's transaction; `detail` must be JSON, and never holds a secret."""
        session.add(
            AuditRow(
                at_ms=self._clock.now_ms(),
                actor=actor.name,
                address=actor.address,
                action=action,
                subject=subject,
                project_id=project_id,
                detail=detail,
            )
        )

    def newest(self, *, project_id: str | None = None, count: int = 100) -> list[AuditEntry]:
        """Return the newest entries first, of one project or of all."""
        query = select(AuditRow).order_by(AuditRow.sequence.desc()).limit(count)
        if project_id is not None:
            query = query.where(AuditRow.project_id == project_id)
        if project_id is not None and not is_id(project_id):
            return []
        with self._database.read() as session:
            return [
                AuditEntry(
                    row.at_ms,
                    Actor(row.actor, row.address),
                    row.action,
                    row.subject,
                    row.project_id,
                    row.detail,
                )
                for row in session.scalars(query)
            ]
