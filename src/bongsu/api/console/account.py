"""A person's own account: the browsers that are signed in, and the password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bongsu.api.body import read_json_object
from bongsu.api.browser_sessions import origin_of
from bongsu.api.console.sign_in import NEVER
from bongsu.api.errors import Forbidden
from bongsu.api.respond import json_response, no_content
from bongsu.api.threads import in_thread
from bongsu.control.audit import user_actor
from bongsu.control.checks import check_known
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.browser_sessions import BrowserSessions
    from bongsu.api.console.sign_in import SignIn
    from bongsu.control.people import OpenSession, SessionGrant, User
    from bongsu.control.plane import ControlPlane


class Account:
    """The handlers; all are about who asks, and open to every person."""

    def __init__(self, control: ControlPlane, sessions: BrowserSessions, sign_in: SignIn) -> None:
        self._control = control
        self._sessions = sessions
        self._sign_in = sign_in

    async def list_sessions(self, request: Request) -> Response:
        """Answer the browsers that are signed in as this person."""
        grant, user = await self._who(request)
        found = await in_thread(self._control.sessions.all, user.user_id)
        own = grant.session.session_id
        return json_response(
            {"sessions": [session_record(one) | {"isOwn": one.session_id == own} for one in found]},
            headers=NEVER,
        )

    async def end_session(self, request: Request) -> Response:
        """Sign one browser out."""
        _, user = await self._who(request)
        actor = user_actor(user.name, origin_of(request).address)
        session_id = request.path_params["sessionId"]
        await in_thread(self._control.sessions.revoke, user.user_id, session_id, actor=actor)
        return no_content()

    async def end_others(self, request: Request) -> Response:
        """Sign every other browser out."""
        grant, user = await self._who(request)
        actor = user_actor(user.name, origin_of(request).address)
        await in_thread(
            self._control.sessions.revoke_all, user.user_id, keep=grant.session.session_id, actor=actor
        )
        return no_content()

    async def change_password(self, request: Request) -> Response:
        """Take a new password from who knows the old one; the other browsers are signed out."""
        grant, user = await self._who(request)
        fields, origin = await read_json_object(request), origin_of(request)
        check_known(fields, ("current", "password"))
        if await self._sign_in.check_password(user.name, fields.get("current"), origin) is None:
            raise InvalidInput("the current password is wrong; type it again", id="wrong-password")
        await self._sign_in.hashing.run(
            self._control.users.set_password,
            user.user_id,
            fields.get("password"),
            keep_session=grant.session.session_id,
            actor=user_actor(user.name, origin.address),
        )
        return no_content()

    async def _who(self, request: Request) -> tuple[SessionGrant, User]:
        grant = await self._sessions.require(request)
        user = grant.bearer.user
        if user is None:
            raise Forbidden(
                "this session stands for a key, which has no account; sign in with a name and password",
                id="account-needed",
            )
        return grant, user


def session_record(session: OpenSession) -> dict[str, Any]:
    """Return a session as the console and the admin API write it; times in Unix milliseconds."""
    return {
        "sessionId": session.session_id,
        "method": session.method,
        "createdMs": session.created_ms,
        "seenMs": session.seen_ms,
        "expiresMs": session.expires_ms,
        "address": session.origin.address,
        "client": session.origin.client,
    }
