"""Signing in and out: with a name and password, a key, or a one-time link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bongsu.api.body import read_json_object
from bongsu.api.browser_sessions import (
    check_token,
    cookie_token,
    delete_cookie,
    origin_of,
    require_own_page,
    set_cookie,
)
from bongsu.api.errors import Forbidden, Unauthorized
from bongsu.api.respond import json_response, no_content
from bongsu.api.threads import Lane, in_thread
from bongsu.control.audit import user_actor
from bongsu.control.checks import check_known
from bongsu.control.people import Bearer, Method
from bongsu.control.values import Scope
from bongsu.model.errors import BongsuError, InvalidInput

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.access import AccessControl
    from bongsu.api.browser_sessions import BrowserSessions
    from bongsu.api.console.about import About
    from bongsu.api.console.guard import SignInGuard
    from bongsu.api.console.openid import OpenIdSignIn
    from bongsu.control.people import NewSession, Origin, User
    from bongsu.control.plane import ControlPlane
    from bongsu.runtime.clock import Clock

NEVER = {"Cache-Control": "no-store"}
HASHING_THREADS = 2
"""Each hash takes 19 MiB and a whole processor for some 30 ms."""
_WAYS = ({"key"}, {"once"}, {"once", "password"}, {"name", "password"})


class SignIn:
    """
    The handlers.

    Parameters
    ----------
    keys_sign_in
        Whether the console takes keys; one-time links that the server prints are taken all the same.
    openid
        Signs in at a provider; None where none is set.
    """

    def __init__(
        self,
        control: ControlPlane,
        access: AccessControl,
        sessions: BrowserSessions,
        guard: SignInGuard,
        about: About,
        clock: Clock,
        *,
        keys_sign_in: bool = True,
        openid: OpenIdSignIn | None = None,
    ) -> None:
        self._control = control
        self._access = access
        self._sessions = sessions
        self._guard = guard
        self._about = about
        self._clock = clock
        self._keys_sign_in = keys_sign_in
        self._openid = openid
        self.hashing = Lane(HASHING_THREADS)

    async def ways(self, _request: Request) -> Response:
        """Tell a page how one can sign in here."""
        users: int = await in_thread(self._control.users.count)
        openid = None if self._openid is None else {"label": self._openid.label}
        return json_response(
            {"password": users > 0, "key": self._keys_sign_in or users == 0, "openid": openid}, headers=NEVER
        )

    async def show(self, request: Request) -> Response:
        """Tell the page whom it acts for; null, and no failure, for a browser that is not signed in."""
        return json_response(await self.state(request), headers=NEVER)

    async def state(self, request: Request) -> dict[str, object] | None:
        """Return whom a browser acts for; None when it is not signed in."""
        grant = await self._sessions.find(request)
        if grant is None:
            return None
        try:
            return await self._about.grant(grant)
        except Unauthorized:  # the key behind the session has gone or expired
            return None

    async def open(self, request: Request) -> Response:
        """Exchange what somebody knows for a session; by POST, so that link previews do not burn a one-time token."""
        require_own_page(request)
        fields, origin = await read_json_object(request), origin_of(request)
        given = {name for name, value in fields.items() if value is not None}
        if given not in _WAYS:
            raise InvalidInput(
                'the body holds neither a name and password, nor a key or a one-time token; send {"name": "...", "password": "..."}, '
                '{"key": "..."} or {"once": "..."}',
                id="bad-sign-in",
            )
        if "name" in given:
            user = await self._by_password(fields["name"], fields["password"], origin)
            return await self._signed_in(request, Bearer(user=user), Method.PASSWORD)
        if "key" in given:
            return await self._signed_in(request, await self._by_key(fields["key"]), Method.KEY)
        return await self._by_link(request, fields)

    async def close(self, request: Request) -> Response:
        """End the session, also at the provider where that is possible; harmless without one."""
        require_own_page(request)
        grant = await self._sessions.find(request)
        await in_thread(self._control.sessions.close, cookie_token(request), origin_of(request))
        url: str | None = None
        if grant is not None and grant.session.method is Method.OPENID and self._openid is not None:
            url = await self._openid.sign_out_url(request)
        answer = no_content() if url is None else json_response({"goTo": url}, headers=NEVER)
        delete_cookie(request, answer)
        return answer

    async def make_first(self, request: Request) -> Response:
        """Make the first administrator of ``{"name", "password"}`` for the browser that the server's own link signed in."""
        grant = await self._sessions.require(request)
        if not grant.bearer.operator:
            raise Forbidden(
                "the first administrator is made by who opened the link that the server printed at its first start; or run "
                "`bongsu user add NAME --administrator` beside the server",
                id="operator-needed",
            )
        fields = await read_json_object(request)
        check_known(fields, ("name", "displayName", "password"))
        origin = origin_of(request)
        made = await self.hashing.run(
            self._control.users.create_first,
            fields,
            actor=user_actor(str(fields.get("name")), origin.address),
        )
        await in_thread(self._control.sessions.close, cookie_token(request), origin)
        return await self._signed_in(request, Bearer(user=made.user), Method.PASSWORD, status=201)

    async def check_password(self, name: object, password: object, origin: Origin) -> User | None:
        """Return whose name and password these are, None for nobody's; raises LimitExceeded after too many wrong ones."""
        typed = name if isinstance(name, str) else ""
        self._guard.admit(typed, origin)
        try:
            user = await self.hashing.run(self._control.users.check, typed.strip().lower(), password)
        finally:
            self._guard.leave()
        if user is not None:
            self._guard.succeeded(typed, origin)
            return user
        self._guard.count("sign-in-failed")
        await in_thread(self._guard.tell, typed, "sign-in-failed", origin)
        return None

    async def _by_password(self, name: object, password: object, origin: Origin) -> User:
        user = await self.check_password(name, password, origin)
        if user is None:
            raise Unauthorized(
                "the name or the password is wrong; check both, and the keyboard's layout",
                id="sign-in-failed",
            )
        return user

    async def _by_key(self, key: object) -> Bearer:
        if not self._keys_sign_in and await in_thread(self._control.users.count) > 0:
            raise Forbidden(
                "keys do not sign in to the console here (setting people.key_sign_in); use a name and password",
                id="key-sign-in-off",
            )
        access = await self._access.check_key(check_token("key", key))
        self._access.check_scope(access, Scope.READ)
        return Bearer(key_id=access.key_id)

    async def _by_link(self, request: Request, fields: dict[str, Any]) -> Response:
        token = check_token("once", fields["once"])
        bearer = await in_thread(self._control.sessions.link, token)
        if bearer is None:
            raise _used_up()
        if bearer.user is not None:
            user = await self._accept(token, bearer.user, fields.get("password"))
            return await self._signed_in(request, Bearer(user=user), Method.LINK)
        if bearer.key_id is not None:
            await self._access.check_key_id(bearer.key_id)
        used = await in_thread(self._control.sessions.redeem, token)
        if used is None:
            raise _used_up()
        return await self._signed_in(request, used, Method.LINK)

    async def _accept(self, token: str, user: User, password: object) -> User:
        """Give an invited user the password of their choice; the link stays good until it is good enough."""
        if password is None:
            raise InvalidInput(
                f"choose a password for {user.name!r}, which is the name to sign in with",
                id="password-needed",
            )
        users = self._control.users
        users.check_new_password(password, user)
        if await in_thread(self._control.sessions.redeem, token) is None:
            raise _used_up()
        return await self.hashing.run(users.set_password, user.user_id, password, actor=user_actor(user.name))

    async def _signed_in(
        self, request: Request, bearer: Bearer, method: Method, *, status: int = 200
    ) -> Response:
        made = await self.start(request, bearer, method)
        answer = json_response(await self._about.bearer(bearer, made.session), status=status, headers=NEVER)
        set_cookie(request, answer, made, self._clock.now_ms())
        return answer

    async def start(self, request: Request, bearer: Bearer, method: Method) -> NewSession:
        """Open a session."""
        project_id = None
        if bearer.key_id is not None:
            project_id = (await self._access.check_key_id(bearer.key_id)).project.project_id
        return await in_thread(
            self._control.sessions.open, bearer, method, origin_of(request), project_id=project_id
        )

    async def refused(self, name: str, error: BongsuError, origin: Origin) -> None:
        """Count and tell a sign-in that another way has refused."""
        self._guard.count(error.id)
        await in_thread(self._guard.tell, name, error.id, origin)


def _used_up() -> Unauthorized:
    return Unauthorized(
        "the one-time link was used already or is too old; sign in another way, or ask for a new link",
        id="console-link-invalid",
    )
