from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.support.people_app import running_people_app

from bongsu.control.database import sqlite_url
from bongsu.control.sessions import token_hash
from bongsu.control.values import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.people_app import PeopleApp

pytestmark = pytest.mark.anyio


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[PeopleApp]:
    with running_people_app(sqlite_url(tmp_path / "control.db")) as app:
        yield app


def new_key(bench: PeopleApp, *scopes: Scope) -> str:
    return bench.control.keys.create("alpha", name="k", scopes=scopes or [*Scope]).text


async def test_signing_in_with_a_key_gives_a_cookie_that_scripts_cannot_read(bench: PeopleApp) -> None:
    key = new_key(bench)
    browser = bench.browser()
    answer = await browser.post("/console/api/session", json={"key": f" {key}\n"})

    assert 200 == answer.status_code
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert key not in answer.text
    shown = (await browser.get("/console/api/session")).json()
    assert ("alpha", 1, "1.2.3") == (
        shown["project"]["projectId"],
        shown["project"]["pcode"],
        shown["version"],
    )
    assert ["manage", "read", "write"] == shown["scopes"]


async def test_the_cookie_is_secure_when_the_request_came_by_tls(bench: PeopleApp) -> None:
    key = new_key(bench)
    answer = await bench.browser("https://console.test").post("/console/api/session", json={"key": key})

    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_one_time_link_signs_in_once(bench: PeopleApp) -> None:
    token = bench.control.sessions.link_for_operator(new_key(bench).partition(".")[0])
    # Whoever previews the link only gets the page.
    assert 200 == (await bench.browser().get(f"/console/?once={token}")).status_code

    first = await bench.browser().post("/console/api/session", json={"once": token})
    second = await bench.browser().post("/console/api/session", json={"once": token})

    assert 200 == first.status_code
    assert (401, "console-link-invalid") == (second.status_code, second.json()["error"]["id"])


async def test_signing_out_ends_the_session_on_the_server(bench: PeopleApp) -> None:
    key = new_key(bench)
    browser = bench.browser()
    await browser.post("/console/api/session", json={"key": key})
    token = next(iter(browser.cookies.values()))

    assert 204 == (await browser.delete("/console/api/session")).status_code
    assert bench.control.sessions.find(f"{token_hash(token)} ") is None
    assert (await browser.get("/console/api/session")).json() is None


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"key": "k1.wrong"}, 401, "key-unknown"),
        ({"name": "kim", "password": "wrong"}, 401, "sign-in-failed"),
        ({"name": "nobody", "password": "wrong"}, 401, "sign-in-failed"),
        ({"name": None, "password": "wrong"}, 400, "bad-sign-in"),
        ({"name": ["kim"], "password": {"a": 1}}, 401, "sign-in-failed"),
        ({"name": "kim"}, 400, "bad-sign-in"),
        ({"once": "wrong"}, 401, "console-link-invalid"),
        ({}, 400, "bad-sign-in"),
        ({"key": ""}, 400, "bad-sign-in"),
        ({"key": 7}, 400, "bad-sign-in"),
        ({"key": "a", "once": "b"}, 400, "bad-sign-in"),
        ({"key": "x" * 1000}, 400, "bad-sign-in"),
    ],
)
async def test_what_does_not_sign_in_says_why(
    bench: PeopleApp, body: dict[str, object], status: int, error: str
) -> None:
    bench.add("kim")
    answer = await bench.browser().post("/console/api/session", json=body)

    assert (status, error) == (answer.status_code, answer.json()["error"]["id"])
    assert "set-cookie" not in answer.headers


async def test_a_key_that_may_not_read_does_not_sign_in(bench: PeopleApp) -> None:
    key = new_key(bench, Scope.WRITE)
    answer = await bench.browser().post("/console/api/session", json={"key": key})

    assert (403, "scope-missing") == (answer.status_code, answer.json()["error"]["id"])


async def test_another_sites_form_cannot_sign_a_browser_in_or_out(bench: PeopleApp) -> None:
    key = new_key(bench)
    browser = bench.browser()
    del browser.headers["x-bongsu-console"]

    assert 403 == (await browser.post("/console/api/session", json={"key": key})).status_code
    assert 403 == (await browser.delete("/console/api/session")).status_code


@pytest.mark.parametrize("view", ["", "realtime", "explore?g0.expr=up", "openmetrics/some-id"])
async def test_every_view_is_an_address_and_is_held_to_a_strict_policy(bench: PeopleApp, view: str) -> None:
    answer = await bench.browser().get(f"/console/{view}")

    assert 200 == answer.status_code
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert not re.search(r"<script(?![^>]*(\bsrc=|application/json))", answer.text), (
        "an inline script would be refused"
    )
    assert "{{" not in answer.text


async def test_the_page_brings_whom_it_acts_for_and_nobody_can_end_its_data_block(bench: PeopleApp) -> None:
    def state_of(text: str) -> object:
        found = re.search(r'<script type="application/json" id="state">(.*?)</script>', text)
        assert found is not None
        return json.loads(found[1])

    browser = bench.browser()
    assert state_of((await browser.get("/console/")).text) is None
    name = "</script><script>alert(1)</script>{{nonce}}"
    bench.control.projects.update("alpha", {"name": name})
    key = new_key(bench)
    await browser.post("/console/api/session", json={"key": key})
    page = (await browser.get("/console/settings")).text
    told = (await browser.get("/console/api/session")).json()
    shown = state_of(page)

    assert isinstance(shown, dict)
    assert {**told, "nowMs": 0} == {**shown, "nowMs": 0}
    assert "alert(1)</script>" in shown["project"]["name"]
    assert "alert(1)</script>" not in page
    assert key not in page


async def test_every_page_view_has_a_nonce_of_its_own(bench: PeopleApp) -> None:
    pages = [(await bench.browser().get("/console/")).headers["content-security-policy"] for _ in range(2)]

    assert pages[0] != pages[1]


async def test_files_that_the_page_names_are_there_and_are_kept_for_ever(bench: PeopleApp) -> None:
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
async def test_nothing_outside_the_folder_is_served(bench: PeopleApp, name: str) -> None:
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
        ("/prometheus/graph?g0.expr=up", "/console/explore?g0.expr=up"),
        ("/prometheus/query?g0.expr=up", "/console/explore?g0.expr=up"),
        ("/targets?search=up", "/console/openmetrics?search=up"),
        ("/prometheus/tsdb-status", "/console/status"),
        ("/alerts", "/console/"),
    ],
)
async def test_short_and_foreign_addresses_lead_to_the_console(
    bench: PeopleApp, path: str, expected: str
) -> None:
    answer = await bench.browser().get(path)

    assert (307, expected) == (answer.status_code, answer.headers["location"])
