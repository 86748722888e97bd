"""People whom an OpenID Connect provider vouches for: found, made, or refused, and given the roles that it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from bongsu.control.audit import user_actor
from bongsu.control.changes import Topic
from bongsu.control.members import give_role, replace_roles
from bongsu.control.people import Method
from bongsu.control.people_tables import SessionRow, UserRow
from bongsu.control.roles import EVERYWHERE, Role
from bongsu.control.rows import refusing_duplicates
from bongsu.control.tables import ProjectRow
from bongsu.control.user_rows import check_user_name, roles_in_projects, user_named, user_of
from bongsu.control.values import Actor
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.people import User


class ExternalRefused(InvalidInput):
    """The provider knows who this is, and this server lets nobody of that name in."""


@dataclass(frozen=True, slots=True)
class ExternalUser:
    """
    Somebody as a provider describes them.

    Attributes
    ----------
    issuer, subject
        Name the person for ever, also when the name or address changes.
    is_name_sure
        Whether the provider has checked that the name, an address of electronic mail, is this person's.
    roles
        By projectId, or ``*`` for all projects.
    governs_roles
        Whether the provider says all roles, so that what it does not say is taken away; else `roles` are given to who is new.
    """

    issuer: str
    subject: str
    name: str
    display_name: str
    is_name_sure: bool
    roles: Mapping[str, Role] = field(default_factory=dict)
    governs_roles: bool = False


class ExternalUsers:
    """Where providers' people become users. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext) -> None:
        self._context = context

    def admit(self, person: ExternalUser, *, address: str | None = None) -> User:
        """
        Return the user of a person, made or brought up to date.

        Raises
        ------
        ExternalRefused
            If the name is another user's, the user may not sign in, or has no role anywhere.
        """
        name = check_user_name(person.name)
        actor = user_actor(name, address)
        with self._context.database.write() as session:
            row, is_new = self._row(session, person, name)
            if not row.enabled:
                raise ExternalRefused(
                    f"the user {row.name!r} may not sign in; ask an administrator", id="user-disabled"
                )
            row.display_name = person.display_name or row.display_name
            if is_new:
                self._context.audit.record(
                    session, actor, "user.create", row.name, None, userId=row.user_id, issuer=person.issuer
                )
            if person.governs_roles or is_new:
                self._give(session, row, person)
            if row.everywhere is None and not _has_roles(session, row):
                raise ExternalRefused(
                    f"the user {row.name!r} has a role in no project; ask an owner of one, or an administrator",
                    id="openid-no-role",
                )
            user = user_of(row)
        self._context.changes.announce(Topic.PEOPLE)
        return user

    def sign_out(self, issuer: str, subject: str, *, address: str | None = None) -> int:
        """
        End the sessions of a person that began at the provider, which says that they are over; return how many there were.

        What the person has signed in to by other ways goes on, and whom nobody here knows is signed out already.
        """
        with self._context.database.write() as session:
            row = session.scalar(select(UserRow).where(UserRow.issuer == issuer, UserRow.subject == subject))
            if row is None:
                return 0
            gone = delete(SessionRow).where(
                SessionRow.user_id == row.user_id, SessionRow.method == Method.OPENID.value
            )
            count = session.connection().execute(gone).rowcount
            if count:
                self._context.audit.record(
                    session, Actor("openid", address), "session.revoke-all", row.name, None, count=count
                )
        self._context.changes.announce(Topic.PEOPLE)
        return count

    def _row(self, session: Session, person: ExternalUser, name: str) -> tuple[UserRow, bool]:
        known = session.scalar(
            select(UserRow).where(UserRow.issuer == person.issuer, UserRow.subject == person.subject)
        )
        if known is not None:
            return known, False
        held = user_named(session, name)
        if held is not None:
            return _taken_over(held, person), False
        row = UserRow(
            user_id=self._context.ids.make(),
            name=name,
            display_name=person.display_name or name,
            enabled=True,
            issuer=person.issuer,
            subject=person.subject,
            created_ms=self._context.clock.now_ms(),
        )
        with refusing_duplicates(session, f"there is a user {name!r} already; try again"):
            session.add(row)
        return row, True

    def _give(self, session: Session, row: UserRow, person: ExternalUser) -> None:
        actor = user_actor(row.name)
        everywhere = person.roles.get(EVERYWHERE)
        if row.everywhere != everywhere:
            row.everywhere = everywhere
            self._context.audit.record(
                session, actor, "user.update", row.name, None, everywhere=everywhere, by="openid"
            )
        single = {project_id: role for project_id, role in person.roles.items() if project_id != EVERYWHERE}
        if person.governs_roles:
            replace_roles(self._context, session, row, single, actor)
            return
        for project in session.scalars(select(ProjectRow).where(ProjectRow.project_id.in_(single))):
            give_role(self._context, session, project, row, single[project.project_id], actor)


def _taken_over(held: UserRow, person: ExternalUser) -> UserRow:
    """
    Bind a user who was made here and never signed in to the person whom the provider names.

    Nobody with a password, or known to a provider already, is taken over: else whoever can choose a name there could be anybody here.
    """
    if held.password_hash is not None or held.issuer is not None or not person.is_name_sure:
        raise ExternalRefused(
            f"the name {held.name!r} is another user's here; an administrator can remove that user, or make one without a password",
            id="openid-name-taken",
        )
    held.issuer, held.subject = person.issuer, person.subject
    return held


def _has_roles(session: Session, row: UserRow) -> bool:
    session.flush()
    return bool(roles_in_projects(session, row.user_id))
