"""Routes of the console: the page, its files, and signing in and out."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bongsu.api.body import read_json_object
from bongsu.api.console.files import StaticFiles
from bongsu.api.console.keys import ConsoleKeys
from bongsu.api.console.layouts import ConsoleLayouts
from bongsu.api.console.live import ConsoleLive
from bongsu.api.console.page import render, security_headers
from bongsu.api.console.sessions import cookie_name, require_own_page
from bongsu.api.console.tree import ConsoleTree
from bongsu.api.errors import Unauthorized, guard
from bongsu.api.respond import json_response, no_content
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope
from bongsu.model.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.api.console.keys import KeyBook
    from bongsu.api.console.layouts import LayoutBook
    from bongsu.api.console.limits import ConsoleLimits
    from bongsu.api.console.live import TickSource
    from bongsu.api.console.sessions import SessionStore
    from bongsu.api.errors import Failure, Handler
    from bongsu.runtime.clock import Clock

_FOREVER = "public, max-age=31536000, immutable"
_NEVER = {"Cache-Control": "no-store"}
_MAX_TOKEN = 512
"""Keys and tokens are below a hundred characters; anything longer is a paste of something else."""


def routes(
    *,
    access: AccessControl,
    sessions: SessionStore,
    clock: Clock,
    log: FilteringBoundLogger,
    version: str,
    keys: KeyBook | None = None,
    layouts: LayoutBook | None = None,
    ticks: TickSource | None = None,
    stopping: Callable[[], bool] = lambda: False,
    limits: ConsoleLimits | None = None,
    features: frozenset[str] = frozenset(),
    files: StaticFiles | None = None,
) -> list[BaseRoute]:
    """
    Return the console's routes.

    Parameters
    ----------
    access
        Made with the same `sessions`, so that the other APIs take the console's cookie.
    version
        Shown on the status page.
    keys
        The project's keys; None leaves out what lists and makes them.
    layouts
        Where layouts of charts are kept; None leaves them out.
    ticks
        The newest real-time numbers; None leaves out the live stream.
    stopping
        Whether the server is about to stop.
    limits
        Tells the project's limits; None leaves them out.
    features
        What is switched on in PromQL.
    files
        The static files; the package's own by default.
    """
    console = _Console(access, sessions, clock, version, files or StaticFiles())

    def guarded(handler: Handler) -> Handler:
        return guard(handler, render=_problem, log=log)

    return [
        Route("/", _to_console, methods=["GET"]),
        Route("/console", _to_console, methods=["GET"]),
        Route("/graph", _to_explore, methods=["GET"]),
        Route("/console/static/{version}/{name:path}", guarded(console.static), methods=["GET"]),
        Route("/console/api/session", guarded(console.show), methods=["GET"]),
        Route("/console/api/session", guarded(console.sign_in), methods=["POST"]),
        Route("/console/api/session", guarded(console.sign_out), methods=["DELETE"]),
        *([] if keys is None else _key_routes(ConsoleKeys(access, keys), guarded)),
        *([] if layouts is None else _layout_routes(ConsoleLayouts(access, layouts), guarded)),
        *([] if limits is None else [Route("/console/api/limits", guarded(limits.show), methods=["GET"])]),
        Route("/console/api/tree", guarded(ConsoleTree(access, features).show), methods=["GET"]),
        *(
            []
            if ticks is None
            else [_live_route(ConsoleLive(access, ticks, clock, stopping=stopping), guarded)]
        ),
        Route("/console/api/{rest:path}", guarded(_unknown)),
        Route("/console/{view:path}", guarded(console.page), methods=["GET"]),
    ]


def _key_routes(keys: ConsoleKeys, guarded: Callable[[Handler], Handler]) -> list[BaseRoute]:
    return [
        Route("/console/api/keys", guarded(keys.show), methods=["GET"]),
        Route("/console/api/keys", guarded(keys.create), methods=["POST"]),
        Route("/console/api/keys/{keyId}", guarded(keys.revoke), methods=["DELETE"]),
    ]


def _layout_routes(layouts: ConsoleLayouts, guarded: Callable[[Handler], Handler]) -> list[BaseRoute]:
    one = "/console/api/layouts/{layoutId}"
    return [
        Route("/console/api/layouts", guarded(layouts.show_all), methods=["GET"]),
        Route("/console/api/layouts", guarded(layouts.create), methods=["POST"]),
        Route(one, guarded(layouts.show), methods=["GET"]),
        Route(one, guarded(layouts.update), methods=["PUT"]),
        Route(one, guarded(layouts.delete), methods=["DELETE"]),
    ]


def _live_route(live: ConsoleLive, guarded: Callable[[Handler], Handler]) -> BaseRoute:
    return Route("/console/api/live", guarded(live.stream), methods=["GET"])


class _Console:
    """The handlers; they hold no state of their own."""

    def __init__(
        self,
        access: AccessControl,
        sessions: SessionStore,
        clock: Clock,
        version: str,
        files: StaticFiles,
    ) -> None:
        self._access = access
        self._sessions = sessions
        self._clock = clock
        self._version = version
        self._files = files

    async def page(self, request: Request) -> Response:
        """Answer every view with the same page; the address tells its script what to show."""
        nonce = secrets.token_urlsafe(16)
        view = request.path_params["view"].partition("/")[0]
        page = await in_thread(self._render, view, request.scope.get("root_path", ""), nonce)
        return Response(page, media_type="text/html; charset=utf-8", headers=security_headers(nonce))

    def _render(self, view: str, root: str, nonce: str) -> str:
        return render(self._files, view, base=f"{root}/console/static/{self._files.version()}/", nonce=nonce)

    async def static(self, request: Request) -> Response:
        """Answer a file."""
        file = await in_thread(self._files.read, request.path_params["name"])
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
        content = file.content
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            content = file.gzip
        return Response(content, headers=headers, media_type=file.media_type)

    async def show(self, request: Request) -> Response:
        """Tell the page whom it acts for; null, and no failure, for a browser that is not signed in."""
        try:
            access = await self._access.require(request, Scope.READ)
        except Unauthorized:
            return json_response(None, headers=_NEVER)
        return json_response(self._about(access), headers=_NEVER)

    async def sign_in(self, request: Request) -> Response:
        """Exchange a key or a one-time token for a session; by POST, so that link previews do not burn the token."""
        require_own_page(request)
        access = await self._credentials(await read_json_object(request))
        self._access.check_scope(access, Scope.READ)
        token, record = await in_thread(self._sessions.open, access.key_id)
        answer = json_response(self._about(access), headers=_NEVER)
        answer.set_cookie(
            cookie_name(request),
            token,
            max_age=max(0, record.expires_ms - self._clock.now_ms()) // 1000,
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the session; harmless without one."""
        require_own_page(request)
        name = cookie_name(request)
        token = request.cookies.get(name)
        if token:
            await in_thread(self._sessions.close, token)
        answer = no_content()
        answer.delete_cookie(name, path="/", httponly=True, samesite="strict")
        return answer

    async def _credentials(self, fields: dict[str, Any]) -> ProjectAccess:
        key, once = fields.get("key"), fields.get("once")
        given = key if once is None else once
        if (
            not isinstance(given, str)
            or not 0 < len(given) <= _MAX_TOKEN
            or (key is not None and once is not None)
        ):
            raise InvalidInput(
                'the body holds neither a key nor a one-time token; send {"key": "..."} or {"once": "..."}',
                id="bad-sign-in",
            )
        if once is None:
            return await self._access.check_key(given.strip())
        return await self._access.check_key_id(await in_thread(self._sessions.redeem, given))

    def _about(self, access: ProjectAccess) -> dict[str, object]:
        project = access.project
        return {
            "project": {
                "projectId": project.project_id,
                "pcode": project.pcode,
                "name": project.name,
                "region": project.region,
                "retentionMs": project.settings.retention_ms,
            },
            "scopes": sorted(access.scopes),
            "keyId": access.key_id,
            "version": self._version,
            "nowMs": self._clock.now_ms(),
        }


async def _unknown(request: Request) -> Response:
    raise NotFound(f"the console has no {request.url.path[:200]!r}", id="unknown-path")


async def _to_console(request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/console/{query}")


async def _to_explore(request: Request) -> Response:
    """Links of the form that Prometheus gives to its own graph page open the same expression here."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/console/explore{query}")


def _problem(failure: Failure) -> Response:
    return json_response(
        {"error": {"id": failure.id, "message": failure.message}},
        status=failure.status,
        headers=dict(failure.headers),
    )
