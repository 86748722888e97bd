"""People as the control plane hands them out: plain values, free of the database. Times are Unix milliseconds."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bongsu.control.roles import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bongsu.control.values import Project


class Method(enum.StrEnum):
    """How somebody proved who they are."""

    PASSWORD = "password"  # noqa: S105 - a word, no secret
    OPENID = "openid"
    KEY = "key"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class User:
    """
    A person.

    Attributes
    ----------
    name
        What is typed to sign in; it never changes, and is what the audit trail says.
    everywhere
        The role in every project; None for none.
    external
        Whether an OpenID Connect provider says who this is.
    """

    user_id: str
    name: str
    display_name: str
    everywhere: Role | None
    enabled: bool
    has_password: bool
    external: bool
    created_ms: int
    signed_in_ms: int | None = None

    @property
    def is_administrator(self) -> bool:
        """Whether the person may do everything on this server."""
        return self.everywhere is Role.ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Account:
    """A user with the roles in single projects, by projectId."""

    user: User
    roles: Mapping[str, Role] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """A user's role in one project."""

    user: User
    role: Role
    since_ms: int


@dataclass(frozen=True, slots=True)
class Origin:
    """From where somebody signs in: the peer's address, and what the browser calls itself."""

    address: str | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """
    A browser that is signed in.

    Attributes
    ----------
    seen_ms
        Time of its newest call, to the minute.
    expires_ms
        When it ends, however much it is used.
    """

    session_id: str
    method: Method
    created_ms: int
    seen_ms: int
    expires_ms: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session at the one moment at which its token is known."""

    session: OpenSession
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """
    Whom a one-time link or a session stands for: a user or a key.

    Attributes
    ----------
    operator
        Whether it comes from a link that the server itself printed: whoever reads the server's output is its operator.
    """

    user: User | None = None
    key_id: str | None = None
    operator: bool = False


@dataclass(frozen=True, slots=True)
class SessionGrant:
    """
    What a session may do in one project.

    Attributes
    ----------
    project, role
        The project that was asked for, else the user's first; None when the user has no role in it, or in none.
    """

    session: OpenSession
    bearer: Bearer
    project: Project | None = None
    role: Role | None = None
