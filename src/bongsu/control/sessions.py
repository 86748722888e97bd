"""
Signed-in browsers and one-time links.

A browser holds a random token; the database keeps its SHA-256, whom it stands for, and from where it came. A session ends at its
time, when nobody uses it, when its user or key is removed, and when somebody revokes it: the row is gone then, and that is all.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update

from bongsu.control.audit import SYSTEM, key_actor, user_actor
from bongsu.control.changes import Topic
from bongsu.control.ids import make_secret
from bongsu.control.people import Bearer, Method, NewSession, Origin, SessionGrant
from bongsu.control.people_tables import MembershipRow, SessionRow, UserRow
from bongsu.control.roles import Role, strongest
from bongsu.control.rows import is_id, project_of
from bongsu.control.tables import ProjectRow
from bongsu.control.user_rows import find_user, session_of, user_of
from bongsu.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.people import OpenSession, User
    from bongsu.control.values import Actor

SESSION = "session"
LINK = "link"
"""Words of the column `kind`."""

OPERATOR_LINK_MS = 3_600_000
"""A link of the first start that waited longer than an hour in a terminal or a log is no longer good."""
INVITATION_MS = 7 * 86_400_000
"""An invitation outlives a weekend and a short illness."""
NOTE_SLACK_MS = 120_000
"""Times of use are written down every minute: a row that looks idle for this little longer may still be in use."""
MAX_PER_BEARER = 100
"""Sessions and links of one user or key; the oldest go first, so that signing in again and again fills no disk."""
_MOST_CLIENT = 255
"""The column's size; what browsers call themselves is often longer, and begins with what matters."""


class UnknownSession(NotFound):
    """The user has no session of this id."""

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"the user has no session {session_id[:100]!r}; the list of sessions has the ids that exist",
            id="unknown-session",
        )


class Sessions:
    """The sessions of all users and keys. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext) -> None:
        self._context = context

    def generation(self) -> int:
        """Return a number that grows with every change to people, keys or projects that this process makes."""
        changes = self._context.changes
        return changes.version(Topic.ACCESS) + changes.version(Topic.PEOPLE)

    def open(
        self, bearer: Bearer, method: Method, origin: Origin, *, project_id: str | None = None
    ) -> NewSession:
        """
        Sign a browser in.

        Parameters
        ----------
        project_id
            The project of a key, for the audit trail.
        """
        now, user = self._context.clock.now_ms(), bearer.user
        actor = _actor(bearer, origin)
        with self._context.database.write() as session:
            made = self._add(session, SESSION, bearer, method, origin, self._context.options.session_ms)
            if user is not None:
                session.execute(
                    update(UserRow).where(UserRow.user_id == user.user_id).values(signed_in_ms=now)
                )
            self._context.audit.record(
                session,
                actor,
                "session.open",
                made.session.session_id,
                project_id,
                method=method.value,
                client=made.session.origin.client,
            )
        self._context.changes.announce(Topic.PEOPLE)
        return made

    def link_for_operator(self, key_id: str) -> str:
        """Return the token of a link that signs in once with a key; the server prints it."""
        with self._context.database.write() as session:
            bearer = Bearer(key_id=key_id, operator=True)
            return self._add(session, LINK, bearer, Method.LINK, Origin(), OPERATOR_LINK_MS).token

    def invite(self, user_id: str, *, actor: Actor = SYSTEM) -> NewSession:
        """Return a one-time link with which a user chooses a password; older ones are void."""
        with self._context.database.write() as session:
            row = find_user(session, user_id)
            session.execute(delete(SessionRow).where(SessionRow.user_id == user_id, SessionRow.kind == LINK))
            made = self._add(session, LINK, Bearer(user=user_of(row)), Method.LINK, Origin(), INVITATION_MS)
            self._context.audit.record(session, actor, "user.invite", row.name, None)
            return made

    def link(self, token: str) -> Bearer | None:
        """Return whom a one-time link stands for, without using it up; None when it is used or too old."""
        with self._context.database.read() as session:
            row = self._living(session, LINK, token_hash(token))
            return None if row is None else _bearer(session, row)

    def redeem(self, token: str) -> Bearer | None:
        """Use a one-time link up and return whom it stands for; None when it is used or too old."""
        with self._context.database.write() as session:
            row = self._living(session, LINK, token_hash(token))
            if row is None:
                return None
            bearer = _bearer(session, row)
            taken = delete(SessionRow).where(SessionRow.token_hash == row.token_hash)
            # Of two browsers at once on PostgreSQL only one finds the row still there.
            return bearer if session.connection().execute(taken).rowcount == 1 else None

    def find(self, name: str) -> SessionGrant | None:
        """
        Return what a session may do; None when there is none, or its time is over.

        Parameters
        ----------
        name
            The token's hash, a space, and the project that is asked for; nothing after the space stands for the user's first.
        """
        hashed, _, project_id = name.partition(" ")
        with self._context.database.read() as session:
            row = self._living(session, SESSION, hashed)
            if row is None:
                return None
            bearer = _bearer(session, row)
            if bearer.user is None:
                return SessionGrant(session_of(row), bearer)
            if not bearer.user.enabled:
                return None
            found = _project_of(session, bearer.user, project_id)
            project, role = (None, None) if found is None else (project_of(found[0]), found[1])
            return SessionGrant(session_of(row), bearer, project, role)

    def all(self, user_id: str) -> list[OpenSession]:
        """Return the browsers of a user that are signed in, the newest first; raises UnknownUser."""
        with self._context.database.read() as session:
            find_user(session, user_id)
            query = (
                self._of_living(SESSION)
                .where(SessionRow.user_id == user_id)
                .order_by(SessionRow.created_ms.desc(), SessionRow.session_id.desc())
            )
            return [session_of(row) for row in session.scalars(query)]

    def close(self, token: str, origin: Origin) -> None:
        """Sign one browser out; harmless without a session."""
        with self._context.database.write() as session:
            row = self._living(session, SESSION, token_hash(token))
            if row is None:
                return
            actor = _actor(_bearer(session, row), origin)
            session.delete(row)
            self._context.audit.record(session, actor, "session.close", row.session_id, None)
        self._context.changes.announce(Topic.PEOPLE)

    def revoke(self, user_id: str, session_id: str, *, actor: Actor = SYSTEM) -> None:
        """End one session of a user; this process refuses it from now on, others within a second."""
        with self._context.database.write() as session:
            user = find_user(session, user_id)
            query = select(SessionRow).where(
                SessionRow.session_id == session_id, SessionRow.user_id == user_id
            )
            row = session.scalar(query) if is_id(session_id) else None
            if row is None:
                raise UnknownSession(session_id)
            session.delete(row)
            self._context.audit.record(session, actor, "session.revoke", session_id, None, user=user.name)
        self._context.changes.announce(Topic.PEOPLE)

    def revoke_all(self, user_id: str, *, keep: str | None = None, actor: Actor = SYSTEM) -> int:
        """End all sessions and links of a user, but one session; return how many there were."""
        with self._context.database.write() as session:
            user = find_user(session, user_id)
            gone = delete(SessionRow).where(SessionRow.user_id == user_id)
            if keep is not None:
                gone = gone.where(SessionRow.session_id != keep)
            count = session.connection().execute(gone).rowcount
            self._context.audit.record(session, actor, "session.revoke-all", user.name, None, count=count)
        self._context.changes.announce(Topic.PEOPLE)
        return count

    def note_use(self, seen_ms: Mapping[str, int]) -> None:
        """Write when sessions were used last, by their id; those that are gone are passed over."""
        with self._context.database.write() as session:
            for session_id, used_ms in seen_ms.items():
                session.execute(
                    update(SessionRow).where(SessionRow.session_id == session_id).values(seen_ms=used_ms)
                )

    def prune(self) -> int:
        """Remove what has ended by its time; return how many rows that were."""
        now = self._context.clock.now_ms()
        idle = now - self._context.options.session_idle_ms - NOTE_SLACK_MS
        ended = or_(SessionRow.expires_ms <= now, (SessionRow.kind == SESSION) & (SessionRow.seen_ms <= idle))
        with self._context.database.write() as session:
            return session.connection().execute(delete(SessionRow).where(ended)).rowcount

    def _add(
        self, session: Session, kind: str, bearer: Bearer, method: Method, origin: Origin, lifetime_ms: int
    ) -> NewSession:
        token, now = make_secret(), self._context.clock.now_ms()
        row = SessionRow(
            token_hash=token_hash(token),
            session_id=self._context.ids.make(),
            kind=kind,
            method=method.value,
            user_id=None if bearer.user is None else bearer.user.user_id,
            key_id=bearer.key_id,
            operator=bearer.operator,
            created_ms=now,
            seen_ms=now,
            expires_ms=now + lifetime_ms,
            address=origin.address,
            client=None if origin.client is None else _printable(origin.client)[:_MOST_CLIENT],
        )
        session.add(row)
        session.flush()
        _drop_oldest(session, row)
        return NewSession(session_of(row), token)

    def _living(self, session: Session, kind: str, hashed: str) -> SessionRow | None:
        # The look-up is by hash: its time tells about hashes, which help nobody to find a token.
        return session.scalar(self._of_living(kind).where(SessionRow.token_hash == hashed))

    def _of_living(self, kind: str) -> Select[SessionRow]:
        return select(SessionRow).where(
            SessionRow.kind == kind, SessionRow.expires_ms > self._context.clock.now_ms()
        )


def token_hash(token: str) -> str:
    """Return what is kept of a token. It has 256 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _actor(bearer: Bearer, origin: Origin) -> Actor:
    if bearer.user is not None:
        return user_actor(bearer.user.name, origin.address)
    return key_actor(bearer.key_id or "", origin.address)


def _bearer(session: Session, row: SessionRow) -> Bearer:
    user = None if row.user_id is None else session.get(UserRow, row.user_id)
    return Bearer(None if user is None else user_of(user), row.key_id, row.operator)


def _project_of(session: Session, user: User, project_id: str) -> tuple[ProjectRow, Role] | None:
    """Return the project that a user asks for, or the first one, with the role there; None without any role."""
    query = (
        select(ProjectRow, MembershipRow.role)
        .join(
            MembershipRow,
            (MembershipRow.pcode == ProjectRow.pcode) & (MembershipRow.user_id == user.user_id),
            isouter=user.everywhere is not None,
        )
        .order_by(ProjectRow.pcode)
        .limit(1)
    )
    if project_id:
        if not is_id(project_id):
            return None
        query = query.where(ProjectRow.project_id == project_id)
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    role = strongest(user.everywhere, None if found[1] is None else Role(found[1]))
    return None if role is None else (found[0], role)


def _drop_oldest(session: Session, new: SessionRow) -> None:
    """Keep the newest sessions and links of the bearer only."""
    same = SessionRow.user_id == new.user_id if new.user_id is not None else SessionRow.key_id == new.key_id
    old = (
        select(SessionRow.token_hash)
        .where(same)
        .order_by(SessionRow.created_ms.desc(), SessionRow.session_id.desc())
        .offset(MAX_PER_BEARER)
    )
    for hashed in session.scalars(old).all():
        session.execute(delete(SessionRow).where(SessionRow.token_hash == hashed))


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
