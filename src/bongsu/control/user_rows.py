"""From rows of people to values, and the look-ups and checks that their services begin with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import select

from bongsu.control.errors import BadValue
from bongsu.control.people import Method, OpenSession, Origin, User
from bongsu.control.people_tables import MembershipRow, UserRow
from bongsu.control.roles import Role
from bongsu.control.rows import is_id
from bongsu.control.tables import ProjectRow
from bongsu.model.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from bongsu.control.people_tables import SessionRow

MAX_USER_NAME = 200
"""An address of electronic mail fits in all but freak cases; the column's size."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]*")
_SHOWN = 100


class UnknownUser(NotFound):
    """No user has this id or name, or the project has no such member."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="unknown-user")


def check_user_name(value: object) -> str:
    """Return a user's name in small letters, or raise BadValue."""
    name = value.strip().lower() if isinstance(value, str) else ""
    if not _NAME.fullmatch(name) or len(name) > MAX_USER_NAME:
        raise BadValue(
            f"the user's name is {str(value)[:_SHOWN]!r}; send up to {MAX_USER_NAME} letters (a-z), digits, '.', '_', '-', '+' or "
            "'@', such as kim or kim@example.com"
        )
    return name


def user_of(row: UserRow) -> User:
    """Return the value of a user's row, without the password's hash."""
    return User(
        row.user_id,
        row.name,
        row.display_name,
        None if row.everywhere is None else Role(row.everywhere),
        row.enabled,
        row.password_hash is not None,
        row.issuer is not None,
        row.created_ms,
        row.signed_in_ms,
    )


def session_of(row: SessionRow) -> OpenSession:
    """Return the value of a session's row."""
    return OpenSession(
        row.session_id,
        Method(row.method),
        row.created_ms,
        row.seen_ms,
        row.expires_ms,
        Origin(row.address, row.client),
    )


def find_user(session: Session, user_id: str) -> UserRow:
    """Return a user's row, or raise UnknownUser."""
    row = session.get(UserRow, user_id) if is_id(user_id) else None
    if row is None:
        raise UnknownUser(f"there is no user {user_id[:_SHOWN]!r}; the list of users has the ids that exist")
    return row


def user_named(session: Session, name: str) -> UserRow | None:
    """Return the row of a name as `check_user_name` gives it; None when nobody has it."""
    return session.scalar(select(UserRow).where(UserRow.name == name))


def roles_in_projects(session: Session, user_id: str | None = None) -> dict[str, dict[str, Role]]:
    """Return the roles by userId and projectId, of one user or of all."""
    query = (
        select(MembershipRow.user_id, ProjectRow.project_id, MembershipRow.role)
        .join(ProjectRow, ProjectRow.pcode == MembershipRow.pcode)
        .order_by(MembershipRow.pcode)
    )
    if user_id is not None:
        query = query.where(MembershipRow.user_id == user_id)
    found: dict[str, dict[str, Role]] = {}
    for owner, project_id, role in session.execute(query):
        found.setdefault(owner, {})[project_id] = Role(role)
    return found
