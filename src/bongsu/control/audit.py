"""The trail of changes, written in the same transaction as the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from bongsu.control.rows import is_id
from bongsu.control.tables import AuditRow
from bongsu.control.values import Actor, AuditEntry

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from bongsu.control.database import Database
    from bongsu.control.prepared import Transaction
    from bongsu.runtime.clock import Clock

SYSTEM = Actor("system")
"""Who makes the changes that the server makes by itself."""


def admin_actor(address: str | None = None) -> Actor:
    """Return the actor of what comes with the admin token."""
    return Actor("admin", address)


def user_actor(name: str, address: str | None = None) -> Actor:
    """Return the actor of what a signed-in person does."""
    return Actor(f"user:{name}", address)


def key_actor(key_id: str, address: str | None = None) -> Actor:
    """Return the actor of what comes with a project's key."""
    return Actor(f"key:{key_id}", address)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """
    Which entries are wanted; None wants all.

    Attributes
    ----------
    actor
        Exactly this one, as ``user:kim``.
    action
        This one, or with a dot at its end all that begin so, as ``key.``.
    since_ms, until_ms
        Unix milliseconds; the entry's time is not before the first, and before the second.
    before
        The sequence that entries must be below: that of the last one on the page before.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    address: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    before: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a query demands of its rows."""
        found: list[ColumnElement[bool]] = [
            column == value
            for column, value in (
                (AuditRow.actor, self.actor),
                (AuditRow.subject, self.subject),
                (AuditRow.address, self.address),
            )
            if value is not None
        ]
        if self.action is not None:
            exact, begins = (
                AuditRow.action == self.action,
                AuditRow.action.startswith(self.action, autoescape=True),
            )
            found.append(begins if self.action.endswith(".") else exact)
        if self.since_ms is not None:
            found.append(AuditRow.at_ms >= self.since_ms)
        if self.until_ms is not None:
            found.append(AuditRow.at_ms < self.until_ms)
        if self.before is not None:
            found.append(AuditRow.sequence < self.before)
        return found


EVERYTHING = AuditFilter()
_INSERT = insert(AuditRow).inline()


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
        session.add(AuditRow(**self._entry(actor, action, subject, project_id, detail)))

    def write(
        self,
        transaction: Transaction,
        actor: Actor,
        action: str,
        subject: str,
        project_id: str | None,
        **detail: object,
    ) -> None:
        """Add an entry to a transaction of prepared statements, as `record`."""
        transaction.run(_INSERT, **self._entry(actor, action, subject, project_id, detail))

    def _entry(
        self, actor: Actor, action: str, subject: str, project_id: str | None, detail: dict[str, object]
    ) -> dict[str, object]:
        return {
            "at_ms": self._clock.now_ms(),
            "actor": actor.name,
            "address": actor.address,
            "action": action,
            "subject": subject,
            "project_id": project_id,
            "detail": detail,
        }

    def note(
        self, actor: Actor, action: str, subject: str, project_id: str | None = None, **detail: object
    ) -> None:
        """Add an entry in a transaction of its own, for what changes nothing in the database."""
        with self._database.write() as session:
            self.record(session, actor, action, subject, project_id, **detail)

    def newest(
        self, *, project_id: str | None = None, count: int = 100, wanted: AuditFilter = EVERYTHING
    ) -> list[AuditEntry]:
        """Return the newest entries first, of one project or of all."""
        if project_id is not None and not is_id(project_id):
            return []
        query = select(AuditRow).order_by(AuditRow.sequence.desc()).limit(count).where(*wanted.conditions())
        if project_id is not None:
            query = query.where(AuditRow.project_id == project_id)
        with self._database.read() as session:
            return [_entry(row) for row in session.scalars(query)]

    def prune(self, before_ms: int) -> int:
        """Remove the entries from before a time; return how many there were. That it was done is an entry itself."""
        with self._database.write() as session:
            gone = session.connection().execute(delete(AuditRow).where(AuditRow.at_ms < before_ms)).rowcount
            if gone:
                self.record(session, SYSTEM, "audit.prune", "audit", None, entries=gone, beforeMs=before_ms)
        return gone


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        row.at_ms,
        Actor(row.actor, row.address),
        row.action,
        row.subject,
        row.project_id,
        row.detail,
        row.sequence,
    )
