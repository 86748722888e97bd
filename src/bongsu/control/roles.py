"""
What people may do: four roles in order, each of which may do what those before it may.

Keys have scopes, people have roles. The two tables here say which role a call needs that is described by a scope; calls that are not
about a project's data say their role in `bongsu.api.permissions`.
"""

from __future__ import annotations

import enum

from bongsu.control.errors import BadValue
from bongsu.control.values import Scope

EVERYWHERE = "*"
"""Stands for all projects, those included that are made later."""


class Role(enum.StrEnum):
    """In order of growing power; an administrator is one of the whole server and never of a single project."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"
    ADMINISTRATOR = "administrator"

    def covers(self, needed: Role) -> bool:
        """Tell whether this role may do what another one may."""
        return _RANKS[self] >= _RANKS[needed]


_RANKS = {role: rank for rank, role in enumerate(Role)}

PROJECT_ROLES = (Role.VIEWER, Role.EDITOR, Role.OWNER)

ROLE_OF_SCOPE = {Scope.READ: Role.VIEWER, Scope.WRITE: Role.EDITOR, Scope.MANAGE: Role.EDITOR}
"""The least role for a call that needs a scope of a key, unless the call asks for more."""


def scopes_of_role(role: Role) -> frozenset[Scope]:
    """Return what a role may do in the words of keys."""
    return frozenset(scope for scope, needed in ROLE_OF_SCOPE.items() if role.covers(needed))


def strongest(*roles: Role | None) -> Role | None:
    """Return the role that covers the others; None without any."""
    held = [role for role in roles if role is not None]
    return max(held, key=_RANKS.__getitem__) if held else None


def check_project_role(value: object) -> Role:
    """Return a role in a project, or raise BadValue."""
    if value not in PROJECT_ROLES:
        raise BadValue(f"the role is {str(value)[:40]!r}; send one of {', '.join(PROJECT_ROLES)}")
    return Role(str(value))


def check_role_everywhere(value: object) -> Role | None:
    """Return a role in all projects, None for none, or raise BadValue."""
    if value is not None and value not in set(Role):
        raise BadValue(
            f"the role everywhere is {str(value)[:40]!r}; send one of {', '.join(Role)}, or null for none"
        )
    return None if value is None else Role(str(value))


def parse_assignment(text: str) -> tuple[str, Role | None]:
    """
    Return the project and role of a text such as ``shop=editor``, ``*=viewer``, or ``shop=`` that takes a role away.

    ``administrator`` alone stands for ``*=administrator``.
    """
    if text == Role.ADMINISTRATOR:
        return EVERYWHERE, Role.ADMINISTRATOR
    project_id, equals, name = (part.strip() for part in text.partition("="))
    allowed = tuple(Role) if project_id == EVERYWHERE else PROJECT_ROLES
    if not equals or not project_id or (name and name not in allowed):
        raise BadValue(
            f"{text[:100]!r} gives no role; write PROJECT=ROLE with one of {', '.join(PROJECT_ROLES)}, *=ROLE for all projects, or "
            "administrator"
        )
    return project_id, Role(name) if name else None
