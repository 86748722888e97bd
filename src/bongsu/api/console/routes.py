"""Routes of the console: the page, its files, signing in and out, and what its pages ask for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bongsu.api.console.files import StaticFiles
from bongsu.api.console.keys import ConsoleKeys
from bongsu.api.console.layouts import ConsoleLayouts
from bongsu.api.console.live import ConsoleLive
from bongsu.api.console.openid import BACK_CHANNEL, CALLBACK, OpenIdSignIn
from bongsu.api.console.page import Pages, security_headers
from bongsu.api.errors import guard
from bongsu.api.respond import json_response
from bongsu.api.threads import in_thread
from bongsu.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl
    from bongsu.api.console.account import Account
    from bongsu.api.console.keys import KeyBook
    from bongsu.api.console.layouts import LayoutBook
    from bongsu.api.console.limits import ConsoleLimits
    from bongsu.api.console.live import TickSource
    from bongsu.api.console.sign_in import SignIn
    from bongsu.api.errors import Failure, Handler
    from bongsu.runtime.clock import Clock

_FOREVER = "public, max-age=31536000, immutable"

_PROMETHEUS_PAGES = {
    "graph": "explore",
    "query": "explore",
    "alerts": "",
    "targets": "openmetrics",
    "service-discovery": "openmetrics",
    "status": "status",
    "tsdb-status": "status",
    "config": "status",
    "flags": "status",
}
"""Pages of Prometheus, and the view that shows the same; Home tells of alerts."""


@dataclass(frozen=True, slots=True)
class People:
    """How people and keys sign in to the console, and what they may do about their own account."""

    sign_in: SignIn
    account: Account
    openid: OpenIdSignIn | None = None


def routes(
    *,
    access: AccessControl,
    people: People,
    clock: Clock,
    log: FilteringBoundLogger,
    keys: KeyBook | None = None,
    layouts: LayoutBook | None = None,
    ticks: TickSource | None = None,
    stopping: Callable[[], bool] = lambda: False,
    limits: ConsoleLimits | None = None,
    files: StaticFiles | None = None,
) -> list[BaseRoute]:
    """
    Return the console's routes.

    Parameters
    ----------
    people
        Made with the sessions of `access`, so that the other APIs take the console's cookie.
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
    files
        The static files; the package's own by default.
    """
    console = _Console(files or StaticFiles(), people.sign_in)

    def guarded(handler: Handler) -> Handler:
        return guard(handler, render=_problem, log=log)

    return [
        Route("/", _to_console, methods=["GET"]),
        Route("/console", _to_console, methods=["GET"]),
        # At the root, and where the address of the API is that of a Prometheus.
        *(
            Route(f"{root}/{page}", _to_view, methods=["GET"])
            for root in ("", "/prometheus")
            for page in _PROMETHEUS_PAGES
        ),
        Route("/console/static/{version}/{name:path}", guarded(console.static), methods=["GET"]),
        *_people_routes(people, guarded),
        *([] if keys is None else _key_routes(ConsoleKeys(access, keys), guarded)),
        *([] if layouts is None else _layout_routes(ConsoleLayouts(access, layouts), guarded)),
        *([] if limits is None else [Route("/console/api/limits", guarded(limits.show), methods=["GET"])]),
        *(
            []
            if ticks is None
            else [_live_route(ConsoleLive(access, ticks, clock, stopping=stopping), guarded)]
        ),
        Route("/console/api/{rest:path}", guarded(_unknown)),
        Route("/console/{view:path}", guarded(console.page), methods=["GET"]),
    ]


def _people_routes(people: People, guarded: Callable[[Handler], Handler]) -> list[BaseRoute]:
    sign_in, account, openid = people.sign_in, people.account, people.openid
    sessions = "/console/api/account/sessions"
    calls: list[tuple[str, str, Handler]] = [
        ("GET", "/console/api/sign-in", sign_in.ways),
        ("GET", "/console/api/session", sign_in.show),
        ("POST", "/console/api/session", sign_in.open),
        ("DELETE", "/console/api/session", sign_in.close),
        ("POST", "/console/api/first-administrator", sign_in.make_first),
        ("GET", sessions, account.list_sessions),
        ("DELETE", sessions, account.end_others),
        ("DELETE", f"{sessions}/{{sessionId}}", account.end_session),
        ("PUT", "/console/api/account/password", account.change_password),
    ]
    if openid is not None:
        calls += [
            ("GET", "/console/api/openid", openid.go),
            ("GET", CALLBACK, openid.callback(sign_in)),
            ("POST", BACK_CHANNEL, openid.signed_out),
        ]
    return [Route(path, guarded(handler), methods=[method]) for method, path, handler in calls]


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

    def __init__(self, files: StaticFiles, sign_in: SignIn) -> None:
        self._files = files
        self._sign_in = sign_in
        self._pages = Pages(files)

    async def page(self, request: Request) -> Response:
        """Answer every view with the same page; the address tells its script what to show."""
        nonce = secrets.token_urlsafe(16)
        view = request.path_params["view"].partition("/")[0]
        state = await self._sign_in.state(request)
        page = await in_thread(self._pages.render, view, request.scope.get("root_path", ""), nonce, state)
        return Response(page, media_type="text/html; charset=utf-8", headers=security_headers(nonce))

    async def static(self, request: Request) -> Response:
        """Answer a file."""
        file = await in_thread(self._files.read, request.path_params["name"])
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
        content = file.content
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            content = file.gzip
        return Response(content, headers=headers, media_type=file.media_type)


async def _unknown(request: Request) -> Response:
    raise NotFound(f"the console has no {request.url.path[:200]!r}", id="unknown-path")


async def _to_console(request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/console/{query}")


async def _to_view(request: Request) -> Response:
    """Links to pages of Prometheus, as alert mails and bookmarks have them, open what shows the same here."""
    query = f"?{request.url.query}" if request.url.query else ""
    view = _PROMETHEUS_PAGES[request.url.path.rpartition("/")[2]]
    return RedirectResponse(f"{request.scope.get('root_path', '')}/console/{view}{query}")


def _problem(failure: Failure) -> Response:
    return json_response(
        {"error": {"id": failure.id, "message": failure.message}},
        status=failure.status,
        headers=dict(failure.headers),
    )
