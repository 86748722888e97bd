"""
The cookies of signed-in browsers: their names, what keeps other sites from using them, and what they stand for.

Every request is checked against the control plane's sessions, by a cache that follows changes within half a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.errors import Forbidden, Unauthorized
from bongsu.api.grant_cache import REFRESH_SECONDS, Directory, GrantCache
from bongsu.api.peers import peer_address
from bongsu.control.people import Origin, SessionGrant
from bongsu.control.sessions import token_hash
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import HTTPConnection
    from starlette.responses import Response

    from bongsu.control.people import NewSession
    from bongsu.runtime.clock import Clock

COOKIE = "bongsu_session"
CSRF_HEADER = "x-bongsu-console"
"""A browser sends a header of its own name to another origin only after asking that origin, which we never allow."""
PROJECT_HEADER = "x-bongsu-project"
"""Names the project of a call by a person who has several; streams of events, which send no headers, name it in the query."""
PROJECT_PARAMETER = "project"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_TOKEN = 512
"""Tokens are below a hundred characters."""


class BrowserSessions:
    """
    Finds the session of a request; used from one event loop.

    Parameters
    ----------
    idle_ms
        How long a session lives without a call.
    """

    def __init__(
        self,
        directory: Directory[SessionGrant],
        clock: Clock,
        *,
        idle_ms: int,
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        self._grants = GrantCache(directory, clock, refresh_seconds=refresh_seconds)
        self._clock = clock
        self._idle_ms = idle_ms
        # Uses since they were last written down, and the ones before: until the write is seen, they are the newest word.
        self._last_used: dict[str, int] = {}
        self._written: Mapping[str, int] = {}

    async def find(self, request: HTTPConnection, project_id: str | None = None) -> SessionGrant | None:
        """
        Return what the session of a request's cookie may do, in the project that the call, a header or the query names.

        Raises
        ------
        Forbidden
            If the call may change something and lacks the header that only the console's own pages can send.
        """
        token = request.cookies.get(cookie_name(request), "")
        if not 0 < len(token) <= _MAX_TOKEN:
            return None
        wanted = project_id or named_project(request)
        grant = await self._grants.find(f"{token_hash(token)} {wanted}")
        if grant is None or not self._is_alive(grant):
            return None
        require_own_page(request)
        self._last_used[grant.session.session_id] = self._clock.now_ms()
        return grant

    async def require(self, request: HTTPConnection) -> SessionGrant:
        """Return the session of a request, or raise Unauthorized."""
        grant = await self.find(request)
        if grant is None:
            raise Unauthorized(
                "you are not signed in, or the session has ended; sign in", id="session-missing"
            )
        return grant

    def take_uses(self) -> dict[str, int]:
        """Return when sessions were used since the last call, in Unix milliseconds by id; for ``Sessions.note_use``."""
        uses, self._last_used = self._last_used, {}
        self._written = uses
        return uses

    def _is_alive(self, grant: SessionGrant) -> bool:
        session, now = grant.session, self._clock.now_ms()
        known = (self._last_used.get(session.session_id, 0), self._written.get(session.session_id, 0))
        return now < session.expires_ms and now < max(session.seen_ms, *known) + self._idle_ms


def named_project(request: HTTPConnection) -> str:
    """Return the project that a person's call names beside its path; empty when it names none."""
    named = request.headers.get(PROJECT_HEADER) or request.query_params.get(PROJECT_PARAMETER, "")
    return named if len(named) <= _MAX_TOKEN else ""


def origin_of(request: HTTPConnection) -> Origin:
    """Return from where a request comes."""
    return Origin(peer_address(request), request.headers.get("user-agent"))


def cookie_name(request: HTTPConnection) -> str:
    """Return the cookie's name: browsers share cookies between the ports of a host, two servers on one host must not."""
    port = request.url.port
    return COOKIE if port is None else f"{COOKIE}_{port}"


def is_secure(request: HTTPConnection) -> bool:
    """Tell whether the browser came by TLS, to this server or to a proxy that is trusted."""
    return request.url.scheme == "https"


def set_cookie(request: HTTPConnection, answer: Response, made: NewSession, now_ms: int) -> None:
    """Give a browser its session's token, where scripts and other sites cannot reach it."""
    answer.set_cookie(
        cookie_name(request),
        made.token,
        max_age=max(0, made.session.expires_ms - now_ms) // 1000,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def delete_cookie(request: HTTPConnection, answer: Response) -> None:
    """Take the token away."""
    answer.delete_cookie(
        cookie_name(request), path="/", secure=is_secure(request), httponly=True, samesite="strict"
    )


def cookie_token(request: HTTPConnection) -> str:
    """Return the token of a request's cookie, empty without one."""
    token = request.cookies.get(cookie_name(request), "")
    return token if len(token) <= _MAX_TOKEN else ""


def require_own_page(request: HTTPConnection) -> None:
    """Raise Forbidden when a call that may change something does not come from a page of the console."""
    if request.scope.get("method", "GET") not in _SAFE_METHODS and CSRF_HEADER not in request.headers:
        raise Forbidden(
            f"a signed-in browser sent {request.scope['method']} without the header {CSRF_HEADER}; send it with any value, or "
            "use a key instead of the session",
            id="csrf-header-missing",
        )


def check_token(field: str, value: object) -> str:
    """Return a key or token that somebody sent in a body; anything longer is a paste of something else."""
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _MAX_TOKEN:
        raise InvalidInput(
            f"{field!r} is missing or too long; send it as it was shown, in at most {_MAX_TOKEN} characters",
            id="bad-sign-in",
        )
    return value.strip()
