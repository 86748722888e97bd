"""Servers that are gone, remembered for a while: a list that shows them says what became of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from bongsu.control.tables import RemovedServerRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from bongsu.control.tables import ServerRow

REMEMBERED_MS = 30 * 86_400_000
"""A month: who asks what became of a server asks earlier."""
MOST_REMEMBERED = 1_000
"""Of one project; autoscaling removes many, and nobody looks through more."""


def remove_server(session: Session, row: ServerRow, now_ms: int) -> None:
    """Remove a server with its targets, and remember that it was there; those that went long ago are forgotten."""
    session.add(
        RemovedServerRow(
            host_id=row.host_id,
            pcode=row.pcode,
            region=row.region,
            name=row.name,
            address=row.address,
            instance_id=row.instance_id,
            os=row.os,
            created_ms=row.created_ms,
            removed_ms=now_ms,
        )
    )
    session.delete(row)
    session.flush()
    _forget(session, row.pcode, now_ms)


def _forget(session: Session, pcode: int, now_ms: int) -> None:
    own = RemovedServerRow.pcode == pcode
    newest = (
        select(RemovedServerRow.removed_ms)
        .where(own)
        .order_by(RemovedServerRow.removed_ms.desc())
        .offset(MOST_REMEMBERED)
        .limit(1)
    )
    oldest = max(now_ms - REMEMBERED_MS, session.scalar(newest) or 0)
    session.execute(delete(RemovedServerRow).where(own, RemovedServerRow.removed_ms <= oldest))
