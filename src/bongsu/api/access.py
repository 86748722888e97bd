"""
From a request's key or session to its project: the only place where a tenant is told from another.

401 means no key, or an unknown or expired one; 403 a good key for another project, another pcode, or without the scope, or a person
without the role. A refusal never tells whether another project exists.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from prometheus_client import Counter

from bongsu.api.browser_sessions import named_project
from bongsu.api.errors import Forbidden, Unauthorized
from bongsu.api.grant_cache import REFRESH_SECONDS, GrantCache
from bongsu.api.peers import peer_address
from bongsu.api.uses import note_uses
from bongsu.control.audit import key_actor, user_actor
from bongsu.control.roles import ROLE_OF_SCOPE, scopes_of_role
from bongsu.control.values import KeyGrant, Scope
from bongsu.model.errors import BongsuError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client import CollectorRegistry
    from starlette.requests import HTTPConnection

    from bongsu.api.grant_cache import Directory
    from bongsu.api.whole import HasHeaders
    from bongsu.control.people import SessionGrant
    from bongsu.control.roles import Role
    from bongsu.control.values import Actor, Project
    from bongsu.runtime.clock import Clock

APP_KEY_HEADER = "x-tc-app-key"
TOKEN_HEADER = "x-whatap-token"  # noqa: S105 - a header's name
PCODE_HEADER = "x-whatap-pcode"

_MAX_KEY_ID_CHARACTERS = 64
"""Four times what key ids have."""
_MAX_PCODE_DIGITS = 18
"""A pcode fits a signed 64-bit integer."""


class SessionLookup(Protocol):
    """Where the cookies of signed-in browsers are looked up, on the event loop."""

    async def find(self, request: HTTPConnection, project_id: str | None = None) -> SessionGrant | None:
        """Return what a cookie's session may do; None without one. May refuse a forged call with Forbidden."""
        ...


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """
    Whom a request acts for; handlers take the project from here and from nowhere else.

    Attributes
    ----------
    scopes
        Those of the key, or what the person's role may do in the words of keys.
    key_id
        Empty for a person.
    user_name, role
        Who the person is and their role in the project; None for a key.
    """

    project: Project
    scopes: frozenset[Scope]
    key_id: str
    user_name: str | None = None
    role: Role | None = None

    def actor(self, request: HTTPConnection) -> Actor:
        """Return who makes the changes that a request asks for."""
        address = peer_address(request)
        if self.user_name is not None:
            return user_actor(self.user_name, address)
        return key_actor(self.key_id, address)


class AccessControl:
    """
    Checks keys. Used from one event loop; only a key that is not in the cache costs a look-up in a worker thread.

    Parameters
    ----------
    directory
        The control plane's keys.
    clock
        Tells expiry and the age of cached look-ups.
    registry
        Takes ``bongsu_access_refused_total{reason}``.
    sessions
        The console's sessions, asked when a request carries no key; None takes keys only.
    refresh_seconds
        How long a look-up is trusted when this process makes no change; 0 looks up every time.
    """

    def __init__(
        self,
        directory: Directory[KeyGrant],
        clock: Clock,
        registry: CollectorRegistry,
        *,
        sessions: SessionLookup | None = None,
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        self._clock = clock
        self._sessions = sessions
        self._grants = GrantCache(directory, clock, refresh_seconds=refresh_seconds)
        self._last_used: dict[str, int] = {}
        self._refused = Counter(
            "bongsu_access_refused_total",
            "Requests refused for their key, by error id.",
            ["reason"],
            registry=registry,
        )

    async def require(
        self,
        request: HTTPConnection,
        scope: Scope,
        *,
        project_id: str | None = None,
        role: Role | None = None,
    ) -> ProjectAccess:
        """
        Return whom the request acts for.

        The key is read from ``X-TC-APP-KEY``, else from ``Authorization`` as a bearer token or as the password of basic
        authentication, whose user must be the projectId.

        Parameters
        ----------
        scope
            What the call needs of a key.
        project_id
            The project that the call names, when it names one.
        role
            What the call needs of a person; by default what the scope stands for (`bongsu.control.roles`).

        Raises
        ------
        Unauthorized
            Without a key, or with an unknown or expired one.
        Forbidden
            If the key is of another project than the call names, or has not the scope; if the person has not the role there.
        """
        try:
            key, user = presented_key(request)
            access = await self._access(request, key, project_id)
            for named in (user, project_id):
                if named is not None:
                    _check_project(access, named)
            self.check_scope(access, scope)
            _check_role(access, role or ROLE_OF_SCOPE[scope])
        except BongsuError as error:
            self._refused.labels(error.id).inc()
            raise
        return access

    def known(self, request: HasHeaders, scope: Scope) -> ProjectAccess | None:
        """Return whom a request acts for, as `require`, where nothing must be looked up; None where `require` has to tell."""
        try:
            key, user = presented_key(request)
            key_id, _, secret = key.partition(".")
            grant = _with_secret(self._grants.known(key_id), secret)
            if grant is None:
                return None
            access = self._unexpired(grant)
            if user is not None:
                _check_project(access, user)
            self.check_scope(access, scope)
        except BongsuError:
            return None
        return access

    async def require_apm(self, request: HTTPConnection, *, needs_pcode: bool = True) -> ProjectAccess:
        """
        Return whom a call of the APM API acts for, from ``x-whatap-token`` and ``x-whatap-pcode``, or a key as in `require`.

        A key in one of the other headers needs no pcode: tools that can send one header only, such as autoscalers, use it so.

        Parameters
        ----------
        needs_pcode
            False for the calls that list what a token may see; a pcode that is sent is checked all the same.

        Raises
        ------
        Unauthorized
            Without a token, or with an unknown or expired one.
        Forbidden
            If the pcode is missing or another project's, whether that exists or not, or the token may not read.
        InvalidInput
            If the pcode is not a number.
        """
        try:
            token = request.headers.get(TOKEN_HEADER, "").strip()
            key, user = (token, None) if token else presented_key(request)
            access = await self._access(request, key)
            if user is not None:
                _check_project(access, user)
            pcode = request.headers.get(PCODE_HEADER, "").strip()
            # A session and a bearer are one project's already; only a token has to say whose it is.
            if pcode or (needs_pcode and token):
                _check_pcode(access, pcode)
            self.check_scope(access, Scope.READ)  # every role reads
        except BongsuError as error:
            self._refused.labels(error.id).inc()
            raise
        return access

    async def check_key(self, key: str) -> ProjectAccess:
        """Return whom a key acts for; raises Unauthorized as `require`."""
        if not key:
            raise Unauthorized(
                "no key was sent; send one as X-TC-APP-KEY (x-whatap-token for the APM API), as a bearer token, or as "
                "the password of basic authentication with the projectId as user",
                id="key-missing",
            )
        key_id, _, secret = key.partition(".")
        grant = _with_secret(await self._grants.find(key_id) if _is_key_id(key_id) else None, secret)
        if grant is None:
            raise Unauthorized(
                "the key is not known here; it may be mistyped or revoked: copy it again, or make a new one",
                id="key-unknown",
            )
        return self._unexpired(grant)

    async def check_key_id(self, key_id: str) -> ProjectAccess:
        """Return whom a key acts for whose bearer is known already; raises Unauthorized when it is revoked or expired."""
        grant = await self._grants.find(key_id)
        if grant is None:
            raise Unauthorized(
                "the key of this session was revoked; sign in with another one", id="key-unknown"
            )
        return self._unexpired(grant)

    @staticmethod
    def check_scope(access: ProjectAccess, scope: Scope) -> None:
        """Raise Forbidden unless the key has the scope; of a person the role is checked."""
        if access.role is None and scope not in access.scopes:
            raise Forbidden(
                f"the key has the scopes {', '.join(sorted(access.scopes))}; this call needs {scope.value!r}: use a key that "
                "has it",
                id="scope-missing",
            )

    async def _access(
        self, request: HTTPConnection, key: str, project_id: str | None = None
    ) -> ProjectAccess:
        grant = await self._sessions.find(request, project_id) if self._sessions and not key else None
        if grant is None:
            return await self.check_key(key)
        return await self.check_session(grant, project_id or named_project(request) or None)

    async def check_session(self, grant: SessionGrant, project_id: str | None = None) -> ProjectAccess:
        """Return whom a session acts for; raises Unauthorized when its key is gone, Forbidden where its user has no role."""
        user = grant.bearer.user
        if user is None:
            return await self.check_key_id(grant.bearer.key_id or "")
        if grant.project is None or grant.role is None:
            named = "any project" if project_id is None else f"the project {project_id[:100]!r}"
            raise Forbidden(
                f"{user.name!r} has no role in {named}; ask an owner of it, or an administrator",
                id="project-forbidden",
            )
        return ProjectAccess(grant.project, scopes_of_role(grant.role), "", user.name, grant.role)

    async def note_uses(self, note: Callable[[Mapping[str, int]], None]) -> None:
        """Write down when keys were used (``Keys.note_use``), every minute until cancelled."""
        await note_uses(self._clock, self.take_uses, note)

    def take_uses(self) -> dict[str, int]:
        """Return when keys were used since the last call, in Unix milliseconds by key id; for ``Keys.note_use``."""
        uses, self._last_used = self._last_used, {}
        return uses

    def _unexpired(self, grant: KeyGrant) -> ProjectAccess:
        now_ms = self._clock.now_ms()
        if grant.expires_ms is not None and now_ms >= grant.expires_ms:
            raise Unauthorized(
                f"the key {grant.key_id!r} has expired; make a new one of the same project", id="key-expired"
            )
        self._last_used[grant.key_id] = now_ms
        return ProjectAccess(grant.project, grant.scopes, grant.key_id)


def presented_key(request: HasHeaders) -> tuple[str, str | None]:
    """Return the key that a request carries, empty when none, and the user of basic authentication, if it is used."""
    headers = request.headers
    app_key = headers.get(APP_KEY_HEADER)
    if app_key is not None:
        return app_key.strip(), None
    scheme, _, value = headers.get("authorization", "").partition(" ")
    scheme = scheme.lower()
    if scheme == "bearer":
        return value.strip(), None
    if scheme == "basic":
        return _basic_credentials(value.strip())
    return "", None


def bearer_token(request: HTTPConnection) -> str:
    """Return the bearer token of a request, empty when it carries none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _with_secret(grant: KeyGrant | None, secret: str) -> KeyGrant | None:
    """Return a grant if this is its secret; hashed and compared also without one, so that the time does not tell which ids exist."""
    hashed = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
    expected = grant.secret_hash if grant is not None else bytes(len(hashed))
    return grant if hmac.compare_digest(hashed, expected) else None


def _is_key_id(text: str) -> bool:
    """Tell whether a text can be a key's id at all; anything else must not reach the database."""
    return len(text) <= _MAX_KEY_ID_CHARACTERS and text.isascii() and text.isalnum()


def _basic_credentials(value: str) -> tuple[str, str]:
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise Unauthorized(
            "the basic credentials are not base64 of 'projectId:key'; send the projectId as user and a key as password",
            id="key-missing",
        )
    return password, user


def _check_role(access: ProjectAccess, needed: Role) -> None:
    if access.role is not None and not access.role.covers(needed):
        raise Forbidden(
            f"your role in this project is {access.role.value}; this call needs {needed.value}: ask an owner of the project",
            id="role-missing",
        )


def _check_project(access: ProjectAccess, project_id: str) -> None:
    if project_id != access.project.project_id:
        raise Forbidden(
            f"the key is not one of project {project_id[:100]!r}; use the projectId that the key was made for, or a key "
            "of that project",
            id="project-forbidden",
        )


def _check_pcode(access: ProjectAccess, pcode: str) -> None:
    if not pcode:
        raise Forbidden("no pcode was sent; send the project's code as x-whatap-pcode", id="pcode-forbidden")
    if not (pcode.isascii() and pcode.isdigit() and len(pcode) <= _MAX_PCODE_DIGITS):
        raise InvalidInput(
            f"x-whatap-pcode is {pcode[:40]!r}; send the project's code, an integer such as 5490",
            id="bad-pcode",
        )
    if int(pcode) != access.project.pcode:
        raise Forbidden(
            f"the token is not one of the project with pcode {pcode}; use the pcode that the token was made for",
            id="pcode-forbidden",
        )
