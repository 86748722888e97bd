"""Users: made, changed, removed; their passwords, checked with the same work for who exists and who does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from bongsu.control.audit import SYSTEM
from bongsu.control.changes import Topic
from bongsu.control.checks import check_flag, check_known, check_text
from bongsu.control.errors import BadValue
from bongsu.control.members import give_role
from bongsu.control.passwords import PasswordHashes, check_password
from bongsu.control.people import Account
from bongsu.control.people_tables import SessionRow, UserRow
from bongsu.control.roles import Role, check_project_role, check_role_everywhere
from bongsu.control.rows import lock_project, refusing_duplicates
from bongsu.control.user_rows import check_user_name, find_user, roles_in_projects, user_named, user_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.people import User
    from bongsu.control.values import Actor


class Users:
    """All users. Methods block, those about passwords for their hash, and may be called from any thread."""

    NEW = ("name", "displayName", "password", "everywhere", "roles")
    CHANGES = ("displayName", "everywhere", "enabled")
    """What `create` and `update` take."""

    def __init__(self, context: ControlContext) -> None:
        self._context = context
        self._hashes = PasswordHashes()

    def count(self) -> int:
        """Return how many users there are."""
        with self._context.database.read() as session:
            return _count(session)

    def all(self) -> list[Account]:
        """Return all users by name, with their roles."""
        with self._context.database.read() as session:
            roles = roles_in_projects(session)
            rows = session.scalars(select(UserRow).order_by(UserRow.name))
            return [Account(user_of(row), roles.get(row.user_id, {})) for row in rows]

    def get(self, user_id: str) -> Account:
        """Return one user with the roles, or raise UnknownUser."""
        with self._context.database.read() as session:
            return _account(session, find_user(session, user_id))

    def create(self, fields: Mapping[str, object], *, actor: Actor = SYSTEM) -> Account:
        """
        Make a user of ``name``; and, if wanted, ``displayName``, ``password``, ``everywhere`` (a role) and ``roles`` by projectId.

        Raises
        ------
        BadValue, WeakPassword, AlreadyExists, UnknownProject
            If a field is wrong, the name is taken, or a project is not there.
        """
        row, roles = self._new_row(fields)
        with self._context.database.write() as session:
            return self._add(session, row, roles, actor)

    def create_first(self, fields: Mapping[str, object], *, actor: Actor = SYSTEM) -> Account:
        """Make the first user, an administrator; raises BadValue when there are users already."""
        row, roles = self._new_row({**fields, "everywhere": Role.ADMINISTRATOR.value})
        if row.password_hash is None:
            raise BadValue("'password' is missing; send one for the first administrator")
        with self._context.database.write() as session:
            if _count(session):
                raise BadValue("there are users already; an administrator makes the others")
            return self._add(session, row, roles, actor)

    def update(self, user_id: str, fields: Mapping[str, object], *, actor: Actor = SYSTEM) -> Account:
        """Change the display name, the role everywhere, or whether the user may sign in; one who may not is signed out."""
        check_known(fields, self.CHANGES)
        with self._context.database.write() as session:
            row = find_user(session, user_id)
            if "displayName" in fields:
                row.display_name = check_text("displayName", fields["displayName"])
            if "everywhere" in fields:
                row.everywhere = check_role_everywhere(fields["everywhere"])
            if "enabled" in fields:
                row.enabled = check_flag("enabled", fields["enabled"])
                if not row.enabled:
                    _end_sessions(session, user_id)
            self._context.audit.record(session, actor, "user.update", row.name, None, **dict(fields))
            account = _account(session, row)
        self._context.changes.announce(Topic.PEOPLE)
        return account

    def delete(self, user_id: str, *, actor: Actor = SYSTEM) -> None:
        """Remove a user, with roles and sessions."""
        with self._context.database.write() as session:
            row = find_user(session, user_id)
            session.delete(row)
            self._context.audit.record(session, actor, "user.remove", row.name, None, userId=user_id)
        self._context.changes.announce(Topic.PEOPLE)

    def check(self, name: object, password: object) -> User | None:
        """Return the user whose name and password these are and who may sign in; None, after the same work, otherwise."""
        given = password if isinstance(password, str) else ""
        with self._context.database.read() as session:
            row = user_named(session, name) if isinstance(name, str) else None
        good = self._hashes.matches(row.password_hash if row is not None and row.enabled else None, given)
        if row is None or not good:
            return None
        if row.password_hash is not None and self._hashes.is_outdated(row.password_hash):
            self._store_anew(row.user_id, row.password_hash, given)
        return user_of(row)

    def check_new_password(self, password: object, user: User) -> None:
        """Raise WeakPassword when a user may not choose a password; at once, without its hash."""
        check_password(password, name=user.name, minimum=self._context.options.password_length)

    def set_password(
        self, user_id: str, password: object, *, keep_session: str | None = None, actor: Actor = SYSTEM
    ) -> User:
        """
        Give a user a new password and end the sessions and one-time links, but `keep_session`.

        Raises
        ------
        UnknownUser, WeakPassword, BadValue
            If there is no such user, the password is no good, or an OpenID Connect provider says who this is.
        """
        with self._context.database.read() as session:
            row = find_user(session, user_id)
        if row.issuer is not None:
            raise BadValue(
                f"{row.name!r} signs in at the OpenID Connect provider and has no password here; change it there"
            )
        hashed = self._hash(password, row.name)
        with self._context.database.write() as session:
            row = find_user(session, user_id)
            row.password_hash = hashed
            _end_sessions(session, user_id, keep=keep_session)
            self._context.audit.record(session, actor, "user.password", row.name, None)
            user = user_of(row)
        self._context.changes.announce(Topic.PEOPLE)
        return user

    def _new_row(self, fields: Mapping[str, object]) -> tuple[UserRow, dict[str, Role]]:
        check_known(fields, self.NEW)
        name = check_user_name(fields.get("name"))
        password, roles = fields.get("password"), fields.get("roles") or {}
        if not isinstance(roles, dict):
            raise BadValue('\'roles\' is no object; send roles by projectId, such as {"shop": "editor"}')
        row = UserRow(
            user_id=self._context.ids.make(),
            name=name,
            display_name=check_text("displayName", fields.get("displayName") or name),
            password_hash=None if password is None else self._hash(password, name),
            everywhere=check_role_everywhere(fields.get("everywhere")),
            enabled=True,
            created_ms=self._context.clock.now_ms(),
        )
        return row, {str(project_id): check_project_role(role) for project_id, role in roles.items()}

    def _add(self, session: Session, row: UserRow, roles: Mapping[str, Role], actor: Actor) -> Account:
        with refusing_duplicates(session, f"there is a user {row.name!r} already; choose another name"):
            session.add(row)
        self._context.audit.record(
            session, actor, "user.create", row.name, None, userId=row.user_id, everywhere=row.everywhere
        )
        for project_id, role in roles.items():
            give_role(self._context, session, lock_project(session, project_id), row, role, actor)
        return _account(session, row)

    def _hash(self, password: object, name: str) -> str:
        return self._hashes.make(
            check_password(password, name=name, minimum=self._context.options.password_length)
        )

    def _store_anew(self, user_id: str, old: str, password: str) -> None:
        """Hash with the costs of now, unless the password was changed meanwhile."""
        hashed = self._hashes.make(password)
        with self._context.database.write() as session:
            row = session.get(UserRow, user_id)
            if row is not None and row.password_hash == old:
                row.password_hash = hashed


def _account(session: Session, row: UserRow) -> Account:
    return Account(user_of(row), roles_in_projects(session, row.user_id).get(row.user_id, {}))


def _count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(UserRow)) or 0


def _end_sessions(session: Session, user_id: str, *, keep: str | None = None) -> None:
    """Remove the user's sessions and links, but one session."""
    gone = delete(SessionRow).where(SessionRow.user_id == user_id)
    session.execute(gone if keep is None else gone.where(SessionRow.session_id != keep))
