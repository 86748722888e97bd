"""The console, the admin API and the workspace API over a control plane with people, called through ASGI without a socket."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from tests.support.control_app import ADMIN_TOKEN, FixedStore

from bongsu.api import admin, sysmon
from bongsu.api.access import AccessControl
from bongsu.api.admin.token import AdminToken
from bongsu.api.browser_sessions import BrowserSessions
from bongsu.api.console.about import About
from bongsu.api.console.account import Account
from bongsu.api.console.guard import GuessLimits, SignInGuard
from bongsu.api.console.routes import People, routes
from bongsu.api.console.sign_in import SignIn
from bongsu.control.plane import ControlPlane
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.routing import BaseRoute

    from bongsu.api.console.openid import OpenIdSignIn
    from bongsu.control.context import ControlOptions
    from bongsu.control.people import User

PASSWORD = "correct horse battery"
OWN = {"x-bongsu-console": "1", "user-agent": "Browser/1.0"}
URL = "http://console.test:9595"


@dataclass
class PeopleApp:
    """A running application and its parts."""

    control: ControlPlane
    clock: ManualClock
    registry: CollectorRegistry
    access: AccessControl
    sessions: BrowserSessions
    people: People
    app: Starlette
    dropped: list[str] = field(default_factory=list)

    def browser(self, base_url: str = URL, **headers: str) -> httpx.AsyncClient:
        """Return a browser that is not signed in and sends what the console's own pages send."""
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url=base_url, headers=OWN | headers)

    def add(self, name: str, **fields: Any) -> User:
        """Make a user with the password of all users."""
        return self.control.users.create({"name": name, "password": PASSWORD, **fields}).user

    async def signed_in(self, name: str, *, project: str | None = None) -> httpx.AsyncClient:
        """Return a browser that a user has signed in with, for calls about a project."""
        browser = self.browser(**({} if project is None else {"x-bongsu-project": project}))
        answer = await self.sign_in(browser, name)
        assert answer.status_code == 200, answer.text
        return browser

    @staticmethod
    async def sign_in(browser: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
        """Sign a browser in, or try to."""
        return await browser.post("/console/api/session", json={"name": name, "password": password})

    async def admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call ``/admin/v1`` + path with the admin token."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        return await self.browser().request(method, f"/admin/v1{path}", headers=headers, json=body)


def make_people_app(
    control: ControlPlane,
    clock: ManualClock,
    *,
    guesses: GuessLimits | None = None,
    keys_sign_in: bool = True,
    openid: OpenIdSignIn | None = None,
    more: tuple[BaseRoute, ...] = (),
    refresh_seconds: float = 0.5,
) -> PeopleApp:
    """Return an application over a control plane."""
    registry, dropped, log = CollectorRegistry(), list[str](), structlog.get_logger()
    sessions = BrowserSessions(
        control.sessions, clock, idle_ms=control.options.session_idle_ms, refresh_seconds=refresh_seconds
    )
    access = AccessControl(control.keys, clock, registry, sessions=sessions)
    guard = SignInGuard(guesses or GuessLimits(), control.audit, clock, registry)
    sign_in = SignIn(
        control,
        access,
        sessions,
        guard,
        About(control, access, clock, "1.2.3"),
        clock,
        keys_sign_in=keys_sign_in,
        openid=openid,
    )
    people = People(sign_in, Account(control, sessions, sign_in), openid)
    found = [
        *more,
        *sysmon.routes(access=access, control=control, log=log),
        *admin.routes(
            token=AdminToken(ADMIN_TOKEN),
            control=control,
            drop_data=dropped.append,
            clock=clock,
            log=log,
            store=FixedStore(),
            sessions=sessions,
            hashing=sign_in.hashing,
            url=URL,
        ),
        *routes(
            access=access,
            people=people,
            clock=clock,
            log=log,
            keys=control.keys,
            layouts=control.layouts,
        ),
    ]
    app = Starlette(routes=found)
    return PeopleApp(control, clock, registry, access, sessions, people, app, dropped)


@contextlib.contextmanager
def running_people_app(url: str, options: ControlOptions | None = None, **given: Any) -> Iterator[PeopleApp]:
    """Give an application over an empty database, with the projects ``alpha`` and ``beta``."""
    clock = ManualClock()
    control = ControlPlane(url, clock, options)
    for name in ("alpha", "beta"):
        control.projects.create({"name": name}, project_id=name)
    yield make_people_app(control, clock, **given)
    control.close()
