"""Members: which users have which role in a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from bongsu.control.audit import SYSTEM
from bongsu.control.changes import Topic
from bongsu.control.people import Member
from bongsu.control.people_tables import MembershipRow, UserRow
from bongsu.control.roles import Role, check_project_role, strongest
from bongsu.control.rows import find_project, is_id, lock_project, project_of
from bongsu.control.tables import ProjectRow
from bongsu.control.user_rows import UnknownUser, check_user_name, find_user, user_named, user_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.people import User
    from bongsu.control.values import Actor, Project


class Members:
    """The members of all projects. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext) -> None:
        self._context = context

    def all(self, project_id: str) -> list[Member]:
        """Return the members of a project by name; those who have a role everywhere are not among them."""
        with self._context.database.read() as session:
            project = find_project(session, project_id)
            query = (
                select(UserRow, MembershipRow)
                .join(MembershipRow, MembershipRow.user_id == UserRow.user_id)
                .where(MembershipRow.pcode == project.pcode)
                .order_by(UserRow.name)
            )
            return [_member(user, role) for user, role in session.execute(query)]

    def projects_of(self, user: User) -> list[tuple[Project, Role]]:
        """Return the projects that a user may see, oldest first, with the role in each."""
        with self._context.database.read() as session:
            query = select(ProjectRow, MembershipRow.role).order_by(ProjectRow.pcode)
            joined = query.join(
                MembershipRow,
                (MembershipRow.pcode == ProjectRow.pcode) & (MembershipRow.user_id == user.user_id),
                isouter=user.everywhere is not None,
            )
            return [
                (project_of(row), found)
                for row, role in session.execute(joined)
                if (found := strongest(user.everywhere, None if role is None else Role(role))) is not None
            ]

    def add(
        self, project_id: str, name: object, role: object, *, actor: Actor = SYSTEM
    ) -> tuple[Member, bool]:
        """
        Give a user a role by name, and make the user if nobody has the name.

        Returns
        -------
        tuple of Member and bool
            The member, and whether the user is new and so has no password yet.
        """
        wanted, checked = check_user_name(name), check_project_role(role)
        with self._context.database.write() as session:
            project = lock_project(session, project_id)
            row = user_named(session, wanted)
            is_new = row is None
            if row is None:
                row = self._new_user(session, wanted, actor)
            member = give_role(self._context, session, project, row, checked, actor)
        self._context.changes.announce(Topic.PEOPLE)
        return member, is_new

    def change(self, project_id: str, user_id: str, role: object, *, actor: Actor = SYSTEM) -> Member:
        """Change the role of a member; raises UnknownUser for who is none."""
        checked = check_project_role(role)
        with self._context.database.write() as session:
            project = lock_project(session, project_id)
            user, _ = _find_member(session, project, user_id)
            member = give_role(self._context, session, project, user, checked, actor)
        self._context.changes.announce(Topic.PEOPLE)
        return member

    def give(self, project_id: str, user_id: str, role: object, *, actor: Actor = SYSTEM) -> Member:
        """Give any user a role; an administrator's call, since it takes users of other projects."""
        checked = check_project_role(role)
        with self._context.database.write() as session:
            project, user = lock_project(session, project_id), find_user(session, user_id)
            member = give_role(self._context, session, project, user, checked, actor)
        self._context.changes.announce(Topic.PEOPLE)
        return member

    def remove(self, project_id: str, user_id: str, *, actor: Actor = SYSTEM) -> None:
        """Take the role of a member away; the user stays."""
        with self._context.database.write() as session:
            project = lock_project(session, project_id)
            user, membership = _find_member(session, project, user_id)
            session.delete(membership)
            self._context.audit.record(session, actor, "member.remove", user.name, project_id)
        self._context.changes.announce(Topic.PEOPLE)

    def _new_user(self, session: Session, name: str, actor: Actor) -> UserRow:
        row = UserRow(
            user_id=self._context.ids.make(),
            name=name,
            display_name=name,
            enabled=True,
            created_ms=self._context.clock.now_ms(),
        )
        session.add(row)
        session.flush()
        self._context.audit.record(session, actor, "user.create", name, None, userId=row.user_id)
        return row


def give_role(
    context: ControlContext, session: Session, project: ProjectRow, user: UserRow, role: Role, actor: Actor
) -> Member:
    """Give a user a role in the caller's transaction, which has locked the project; a role that is the same says nothing."""
    held = session.get(MembershipRow, (user.user_id, project.pcode))
    if held is None:
        held = MembershipRow(
            user_id=user.user_id, pcode=project.pcode, role=role.value, since_ms=context.clock.now_ms()
        )
        session.add(held)
        context.audit.record(session, actor, "member.add", user.name, project.project_id, role=role.value)
    elif held.role != role:
        context.audit.record(
            session, actor, "member.role", user.name, project.project_id, role=role.value, before=held.role
        )
        held.role = role.value
    session.flush()
    return _member(user, held)


def replace_roles(
    context: ControlContext, session: Session, user: UserRow, roles: Mapping[str, Role], actor: Actor
) -> None:
    """Make these, by projectId, the only roles of a user, in the caller's transaction; projects that are gone are passed over."""
    wanted = {
        row.pcode: row
        for row in session.scalars(select(ProjectRow).where(ProjectRow.project_id.in_(roles.keys())))
    }
    held = session.execute(
        select(MembershipRow.pcode, ProjectRow.project_id)
        .join(ProjectRow, ProjectRow.pcode == MembershipRow.pcode)
        .where(MembershipRow.user_id == user.user_id)
    ).all()
    for pcode, project_id in held:
        if pcode not in wanted:
            session.execute(
                delete(MembershipRow).where(
                    MembershipRow.user_id == user.user_id, MembershipRow.pcode == pcode
                )
            )
            context.audit.record(session, actor, "member.remove", user.name, project_id)
    for row in wanted.values():
        give_role(context, session, row, user, roles[row.project_id], actor)


def _find_member(session: Session, project: ProjectRow, user_id: str) -> tuple[UserRow, MembershipRow]:
    user = session.get(UserRow, user_id) if is_id(user_id) else None
    held = None if user is None else session.get(MembershipRow, (user_id, project.pcode))
    if user is None or held is None:
        raise UnknownUser(
            f"the project has no member {user_id[:100]!r}; the list of members has the ids that exist"
        )
    return user, held


def _member(user: UserRow, held: MembershipRow) -> Member:
    return Member(user_of(user), Role(held.role), held.since_ms)
