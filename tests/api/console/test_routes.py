from __future__ import annotations

import re
from dataclasses import dataclass

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from tests.support.access import FixedKeys, make_project

from bongsu.api.access import AccessControl
from bongsu.api.console.routes import routes
from bongsu.api.console.sessions import SessionStore
from bongsu.control.values import Scope
from bongsu.runtime.clock import ManualClock

pytestmark = pytest.mark.anyio
OWN = {"x-bongsu-console": "1"}


@dataclass
class Bench:
    """A console with its keys, and a browser."""

    keys: FixedKeys
    sessions: SessionStore
    app: Starlette

    def browser(self, base_url: str = "http://console.test:9595") -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=base_url)


@pytest.fixture
def bench() -> Bench:
    clock, keys = ManualClock(), FixedKeys()
    sessions = SessionStore(clock)
    access = AccessControl(keys, clock, CollectorRegistry(), sessions=sessions)
    log = structlog.get_logger()
    app = Starlette(routes=routes(access=access, sessions=sessions, clock=clock, log=log, version="1.2.3"))
    return Bench(keys, sessions, app)


async def test_signing_in_with_a_key_gives_a_cookie_that_scripts_cannot_read(bench: Bench) -> None:
    key = bench.keys.add(make_project(), "k1")
    browser = bench.browser()
    answer = await browser.post("/console/api/session", json={"key": f" {key}\n"}, headers=OWN)

    assert 200 == answer.status_code
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert key not in answer.text
    shown = (await browser.get("/console/api/session")).json()
    assert ("alpha", 5490, "1.2.3") == (
        shown["project"]["projectId"],
        shown["project"]["pcode"],
        shown["version"],
    )
    assert ["manage", "read", "write"] == shown["scopes"]


async def test_the_cookie_is_secure_when_the_request_came_by_tls(bench: Bench) -> None:
    key = bench.keys.add(make_project(), "k1")
    answer = await bench.browser("https://console.test").post(
        "/console/api/session", json={"key": key}, headers=OWN
    )

    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_one_time_link_signs_in_once(bench: Bench) -> None:
    bench.keys.add(make_project(), "k1")
    token = bench.sessions.link("k1")
    # Whoever previews the link only gets the page.
    assert 200 == (await bench.browser().get(f"/console/?once={token}")).status_code

    first = await bench.browser().post("/console/api/session", json={"once": token}, headers=OWN)
    second = await bench.browser().post("/console/api/session", json={"once": token}, headers=OWN)

    assert 200 == first.status_code
    assert (401, "console-link-invalid") == (second.status_code, second.json()["error"]["id"])


async def test_signing_out_ends_the_session_on_the_server(bench: Bench) -> None:
    key = bench.keys.add(make_project(), "k1")
    browser = bench.browser()
    await browser.post("/console/api/session", json={"key": key}, headers=OWN)
    token = next(iter(browser.cookies.values()))

    assert 204 == (await browser.delete("/console/api/session", headers=OWN)).status_code
    assert bench.sessions.find(token) is None
    assert (await browser.get("/console/api/session")).json() is None


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"key": "k1.wrong"}, 401, "key-unknown"),
        ({"key": "w.secret-of-w"}, 403, "scope-missing"),
        ({"once": "wrong"}, 401, "console-link-invalid"),
        ({}, 400, "bad-sign-in"),
        ({"key": ""}, 400, "bad-sign-in"),
        ({"key": 7}, 400, "bad-sign-in"),
        ({"key": "a", "once": "b"}, 400, "bad-sign-in"),
        ({"key": "x" * 1000}, 400, "bad-sign-in"),
    ],
)
async def test_what_does_not_sign_in_says_why(
    bench: Bench, body: dict[str, object], status: int, error: str
) -> None:
    bench.keys.add(make_project(), "k1")
    bench.keys.add(make_project(), "w", scopes=frozenset({Scope.WRITE}))
    answer = await bench.browser().post("/console/api/session", json=body, headers=OWN)

    assert (status, error) == (answer.status_code, answer.json()["error"]["id"])
    assert "set-cookie" not in answer.headers


async def test_another_sites_form_cannot_sign_a_browser_in_or_out(bench: Bench) -> None:
    key = bench.keys.add(make_project(), "k1")
    browser = bench.browser()

    assert 403 == (await browser.post("/console/api/session", json={"key": key})).status_code
    assert 403 == (await browser.delete("/console/api/session")).status_code


@pytest.mark.parametrize("view", ["", "realtime", "explore?g0.expr=up", "openmetrics/some-id"])
async def test_every_view_is_an_address_and_is_held_to_a_strict_policy(bench: Bench, view: str) -> None:
    answer = await bench.browser().get(f"/console/{view}")

    assert 200 == answer.status_code
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text), "an inline script would be refused"
    assert "{{" not in answer.text


async def test_every_page_view_has_a_nonce_of_its_own(bench: Bench) -> None:
    pages = [(await bench.browser().get("/console/")).headers["content-security-policy"] for _ in range(2)]

    assert pages[0] != pages[1]


async def test_files_that_the_page_names_are_there_and_are_kept_for_ever(bench: Bench) -> None:
    browser = bench.browser()
    names = re.findall(r'(?:src|href)="(/console/static/[^"]+)"', (await browser.get("/console/")).text)

    assert names
    for name in names:
        answer = await browser.get(name, headers={"accept-encoding": "gzip"})
        assert (200, "gzip") == (answer.status_code, answer.headers["content-encoding"]), name
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "name", ["../routes.py", "..%2f..%2froutes.py", "app/none.js", "%2fetc%2fpasswd", "app"]
)
async def test_nothing_outside_the_folder_is_served(bench: Bench, name: str) -> None:
    answer = await bench.browser().get(f"/console/static/x/{name}")

    assert "import" not in answer.text
    assert answer.status_code == 404 or "<!doctype html>" in answer.text.lower()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/console/"),
        ("/console", "/console/"),
        ("/console?once=a", "/console/?once=a"),
        ("/graph?g0.expr=up&g0.tab=1", "/console/explore?g0.expr=up&g0.tab=1"),
    ],
)
async def test_short_and_foreign_addresses_lead_to_the_console(
    bench: Bench, path: str, expected: str
) -> None:
    answer = await bench.browser().get(path)

    assert (307, expected) == (answer.status_code, answer.headers["location"])
