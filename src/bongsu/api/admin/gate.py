"""Who may make a call of the admin API: the bearer of the admin token, or a signed-in person with the role for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bongsu.api.errors import Forbidden
from bongsu.api.peers import peer_address
from bongsu.api.permissions import SIGNED_IN, needed_role
from bongsu.control.audit import admin_actor, user_actor

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request

    from bongsu.api.access import SessionLookup
    from bongsu.api.admin.token import AdminToken
    from bongsu.api.errors import Handler
    from bongsu.control.people import SessionGrant, User
    from bongsu.control.values import Actor


@dataclass(frozen=True, slots=True)
class Operator:
    """Who makes a call; `user` is None for the bearer of the admin token."""

    actor: Actor
    user: User | None = None

    @property
    def is_administrator(self) -> bool:
        """Whether the call may be about the whole server."""
        return self.user is None or self.user.is_administrator


class AdminGate:
    """
    Lets calls in.

    Parameters
    ----------
    sessions
        Where signed-in people are looked up; None takes the token only.
    """

    def __init__(self, token: AdminToken, sessions: SessionLookup | None = None) -> None:
        self._token = token
        self._sessions = sessions

    def behind(self, call: str, handler: Handler) -> Handler:
        """Return the handler behind the gate; `call` names it in the table of permissions."""

        async def checked(request: Request) -> object:
            request.state.operator = await self.admit(request, call)
            return await handler(request)

        return checked  # type: ignore[return-value]

    async def admit(self, request: HTTPConnection, call: str) -> Operator:
        """
        Return who makes a call.

        Raises
        ------
        Unauthorized
            Without the token and without a session.
        Forbidden
            If the session is a key's, or the person has not the role.
        """
        has_token = bool(request.headers.get("authorization"))
        project_id = request.path_params.get("projectId")
        grant = await self._sessions.find(request, project_id) if self._sessions and not has_token else None
        if grant is not None:
            return _person(request, grant, call, project_id)
        self._token.require(request)
        return Operator(admin_actor(peer_address(request)))


def operator_of(request: HTTPConnection) -> Operator:
    """Return who makes a call that the gate has let in."""
    found: Operator = request.state.operator
    return found


def actor_of(request: HTTPConnection) -> Actor:
    """Return the same for the audit trail."""
    return operator_of(request).actor


def _person(request: HTTPConnection, grant: SessionGrant, call: str, project_id: str | None) -> Operator:
    user = grant.bearer.user
    if user is None:
        raise Forbidden(
            "this session stands for a key, which opens nothing here; sign in with a name and password, or send the admin token",
            id="account-needed",
        )
    made = Operator(user_actor(user.name, peer_address(request)), user)
    if user.is_administrator or call in SIGNED_IN:
        return made
    held, needed = user.everywhere if project_id is None else grant.role, needed_role(call)
    if project_id is not None and held is None:
        raise Forbidden(
            f"{user.name!r} has no role in the project {project_id[:100]!r}; ask an owner of it, or an administrator",
            id="project-forbidden",
        )
    if held is None or not held.covers(needed):
        raise Forbidden(
            f"your role {'on this server' if project_id is None else 'in this project'} is {held or 'none'}; this call needs "
            f"{needed}: ask who has it",
            id="role-missing",
        )
    return made
