"""Keys: made, found, rotated, revoked. A secret is seen once, by who makes the key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select, update

from bongsu.control.audit import SYSTEM
from bongsu.control.changes import Topic
from bongsu.control.checks import check_scopes, check_text
from bongsu.control.errors import BadValue, UnknownKey
from bongsu.control.ids import make_key_id, make_secret
from bongsu.control.lookups import PROJECT, ProjectRecord
from bongsu.control.rows import find_project, is_id, key_of, lock_project, project_of, scopes_of
from bongsu.control.tables import KeyRow, ProjectRow
from bongsu.control.values import KeyGrant, NewKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.values import Actor, Key, Scope

_SHOWN = 100


_GRANT = (
    select(KeyRow.secret_hash, KeyRow.scopes, KeyRow.expires_ms, *PROJECT)
    .join(ProjectRow, ProjectRow.pcode == KeyRow.pcode)
    .where(KeyRow.key_id == bindparam("key_id"))
)


class Keys:
    """The keys of all projects. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext) -> None:
        self._context = context

    def generation(self) -> int:
        """Return a number that grows with every change to keys or projects that this process makes."""
        return self._context.changes.version(Topic.ACCESS)

    def find(self, key_id: str) -> KeyGrant | None:
        """Return what a key is checked against, expired or not; None when it was never made, or revoked."""
        rows = self._context.database.rows(_GRANT, key_id=key_id) if is_id(key_id) else []
        if not rows:
            return None
        secret_hash, scopes, expires_ms, *project = rows[0]
        owner = project_of(ProjectRecord._make(project))
        return KeyGrant(key_id, secret_hash, scopes_of(scopes), expires_ms, owner)

    def all(self, project_id: str) -> list[Key]:
        """Return the keys of a project, oldest first."""
        with self._context.database.read() as session:
            project = find_project(session, project_id)
            query = (
                select(KeyRow)
                .where(KeyRow.pcode == project.pcode)
                .order_by(KeyRow.created_ms, KeyRow.name, KeyRow.key_id)
            )
            return [key_of(row) for row in session.scalars(query)]

    def create(
        self,
        project_id: str,
        *,
        name: object,
        scopes: object,
        expires_ms: int | None = None,
        actor: Actor = SYSTEM,
    ) -> NewKey:
        """
        Make a key; it works at once.

        Raises
        ------
        UnknownProject, BadValue, LimitExceeded
            If there is no such project, a field is wrong, or the project has ``max_keys`` keys.
        """
        checked = check_text("name", name), check_scopes(scopes)
        if expires_ms is not None and expires_ms <= self._context.clock.now_ms():
            raise BadValue("the key would have expired already; give a time that is to come")
        with self._context.database.write() as session:
            made = self.add(session, lock_project(session, project_id), *checked, expires_ms, actor=actor)
        self._context.changes.announce(Topic.ACCESS)
        return made

    def add(
        self,
        session: Session,
        project: ProjectRow,
        name: str,
        scopes: frozenset[Scope],
        expires_ms: int | None = None,
        *,
        actor: Actor,
    ) -> NewKey:
        """Make a key in the caller's transaction."""
        secret = make_secret()
        row = KeyRow(
            key_id=make_key_id(),
            pcode=project.pcode,
            name=name,
            secret_hash=hashlib.sha256(secret.encode()).digest(),
            scopes=",".join(sorted(scopes)),
            created_ms=self._context.clock.now_ms(),
            expires_ms=expires_ms,
        )
        session.add(row)
        session.flush()
        present = count_keys(session, project.pcode)
        self._context.refuse_beyond(project, "max_keys", present, "keys: the project")
        detail: dict[str, object] = {"name": name, "scopes": row.scopes, "expiresMs": expires_ms}
        self._context.audit.record(session, actor, "key.create", row.key_id, project.project_id, **detail)
        return NewKey(key_of(row), f"{row.key_id}.{secret}")

    def rotate(self, project_id: str, key_id: str, *, overlap_ms: int = 0, actor: Actor = SYSTEM) -> NewKey:
        """
        Make a key with the same name, scopes and expiry, and let the old one expire after `overlap_ms`.

        An old key that would expire sooner keeps its time.
        """
        if overlap_ms < 0:
            raise BadValue("the overlap is negative; give a duration such as '1h', or '0'")
        with self._context.database.write() as session:
            project = lock_project(session, project_id)
            old = _find(session, project, key_id)
            end = self._context.clock.now_ms() + overlap_ms
            if old.expires_ms is None or old.expires_ms > end:
                new_expiry, old.expires_ms = old.expires_ms, end
            else:
                raise BadValue(
                    f"the key {key_id!r} expires before the overlap ends; make a new key instead of rotating it"
                )
            self._context.audit.record(session, actor, "key.rotate", key_id, project_id, overlapMs=overlap_ms)
            made = self.add(session, project, old.name, scopes_of(old.scopes), new_expiry, actor=actor)
        self._context.changes.announce(Topic.ACCESS)
        return made

    def revoke(self, project_id: str, key_id: str, *, actor: Actor = SYSTEM) -> None:
        """Remove a key; this process refuses it from now on, others within a second."""
        with self._context.database.write() as session:
            project = lock_project(session, project_id)
            row = _find(session, project, key_id)
            session.delete(row)
            self._context.audit.record(session, actor, "key.revoke", key_id, project_id, name=row.name)
        self._context.changes.announce(Topic.ACCESS)

    def note_use(self, last_used_ms: Mapping[str, int]) -> None:
        """Write when keys were used last; keys that are gone are passed over."""
        with self._context.database.write() as session:
            for key_id, used_ms in last_used_ms.items():
                session.execute(update(KeyRow).where(KeyRow.key_id == key_id).values(last_used_ms=used_ms))


def count_keys(session: Session, pcode: int) -> int:
    """Return how many keys a project has, expired ones included."""
    return session.scalar(select(func.count()).select_from(KeyRow).where(KeyRow.pcode == pcode)) or 0


def _find(session: Session, project: ProjectRow, key_id: str) -> KeyRow:
    row = session.get(KeyRow, key_id) if is_id(key_id) else None
    if row is None or row.pcode != project.pcode:
        raise UnknownKey(
            f"the project has no key {key_id[:_SHOWN]!r}; the list of keys has the ids that exist"
        )
    return row
