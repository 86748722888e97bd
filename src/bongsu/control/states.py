"""
Outcomes of scrapes: kept in memory at once, written to the database in batches when they change.

A target that stays as it is costs no write at all. What a crash can lose is the newest change of an outcome, which the next
scrape brings again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from bongsu.control.tables import TargetRow, TargetStateRow
from bongsu.control.values import ScrapeOutcome, TargetState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bongsu.control.database import Database

_REASON_CHARACTERS = 500
"""The column's size; a longer reason is cut."""
_BATCH = 500
"""Rows of one statement, below SQLite's and PostgreSQL's bounds on parameters."""


class TargetStates:
    """The newest outcome of every target that was scraped. Safe from any thread; only `flush` blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._states: dict[str, TargetState] = {}  # guarded by the lock
        self._unwritten: dict[str, TargetState] = {}  # guarded by the lock

    def report(self, outcomes: Iterable[ScrapeOutcome]) -> None:
        """Take outcomes; they are seen by `newest` at once."""
        with self._lock:
            for outcome in outcomes:
                self._take(outcome)

    def newest(self, target_id: str, stored: TargetState) -> TargetState:
        """Return the newest outcome of a target: of this process, else the one that the database has."""
        return self._states.get(target_id, stored)

    def flush(self) -> int:
        """Write the outcomes that have changed and return how many; call it every few seconds, and at the end."""
        with self._lock:
            pending, self._unwritten = self._unwritten, {}
        items = list(pending.items())
        try:
            for start in range(0, len(items), _BATCH):
                self._write(items[start : start + _BATCH])
        except BaseException:
            with self._lock:
                self._unwritten = pending | self._unwritten
            raise
        return len(items)

    def forget(self, target_ids: Iterable[str]) -> None:
        """Forget targets that are gone."""
        with self._lock:
            for target_id in target_ids:
                self._states.pop(target_id, None)

    def _take(self, outcome: ScrapeOutcome) -> None:
        reason = outcome.reason and outcome.reason[:_REASON_CHARACTERS]
        before = self._states.get(outcome.target_id)
        same = before is not None and (before.result_code, before.reason) == (outcome.result_code, reason)
        since_ms = before.since_ms if before is not None and same else outcome.scraped_ms
        state = TargetState(outcome.result_code, reason, since_ms, outcome.scraped_ms)
        self._states[outcome.target_id] = state
        if not same:
            self._unwritten[outcome.target_id] = state

    def _write(self, items: Sequence[tuple[str, TargetState]]) -> None:
        ids = [target_id for target_id, _ in items]
        with self._database.write() as session:
            # Locked, so that a target which is deleted at this moment takes its state with it.
            present = set(
                session.scalars(
                    select(TargetRow.target_id)
                    .where(TargetRow.target_id.in_(ids))
                    .order_by(TargetRow.target_id)
                    .with_for_update()
                )
            )
            session.execute(delete(TargetStateRow).where(TargetStateRow.target_id.in_(ids)))
            rows = [
                {
                    "target_id": target_id,
                    "result_code": state.result_code,
                    "reason": state.reason,
                    "since_ms": state.since_ms,
                }
                for target_id, state in items
                if target_id in present
            ]
            if rows:
                session.execute(insert(TargetStateRow), rows)
