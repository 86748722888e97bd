"""Layouts over HTTP: by session or key, with scopes, a version, and nothing for another project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.support.people_app import make_people_app

from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.control.values import Scope
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.control.projects import NewProject

pytestmark = pytest.mark.anyio
LAYOUT = {
    "panels": [
        {
            "id": "a",
            "title": "Up",
            "kind": "stat",
            "x": 0,
            "y": 0,
            "w": 3,
            "h": 3,
            "queries": [{"expr": "up"}],
        }
    ]
}
NEW = {"name": "Main", "place": "servers", "layout": LAYOUT}
URL = "/console/api/layouts"


class Bench:
    """A console over a control plane with two projects."""

    def __init__(self, control: ControlPlane, clock: ManualClock) -> None:
        self.control = control
        self.alpha, self.beta = (control.projects.create({"name": name}) for name in ("alpha", "beta"))
        self.app = make_people_app(control, clock).app

    def client(self, **headers: str) -> httpx.AsyncClient:
        """Return a client that sends the headers with every call."""
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://console.test", headers=headers)

    def of(self, project: NewProject) -> httpx.AsyncClient:
        """Return a client with the app key of a project."""
        return self.client(**{"X-TC-APP-KEY": project.appkey})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock = ManualClock()
    plane = ControlPlane(sqlite_url(tmp_path / "control.db"), clock)
    yield Bench(plane, clock)
    plane.close()


async def made(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post(URL, json=NEW)
    assert answer.status_code == 201, answer.text
    record: dict[str, Any] = answer.json()
    return record


async def test_a_layout_is_made_listed_read_changed_and_deleted(bench: Bench) -> None:
    client = bench.of(bench.alpha)
    layout = await made(client)
    one = f"{URL}/{layout['layoutId']}"

    assert LAYOUT == (await client.get(one)).json()["layout"]
    listed = (await client.get(URL, params={"place": "servers"})).json()["layouts"]
    assert [("Main", 1)] == [(found["name"], found["version"]) for found in listed]
    assert "layout" not in listed[0]
    changed = await client.put(one, json={"version": 1, "name": "Mine"})
    assert (200, "Mine", 2) == (changed.status_code, changed.json()["name"], changed.json()["version"])
    assert 204 == (await client.delete(one)).status_code
    gone = await client.get(one)
    assert (404, "unknown-layout") == (gone.status_code, gone.json()["error"]["id"])


async def test_an_old_version_is_refused(bench: Bench) -> None:
    client = bench.of(bench.alpha)
    one = f"{URL}/{(await made(client))['layoutId']}"
    await client.put(one, json={"version": 1, "name": "First"})
    late = await client.put(one, json={"version": 1, "name": "Second"})

    assert (409, "layout-changed") == (late.status_code, late.json()["error"]["id"])
    assert "First" == (await client.get(one)).json()["name"]


async def test_another_project_sees_and_changes_nothing(bench: Bench) -> None:
    one = f"{URL}/{(await made(bench.of(bench.alpha)))['layoutId']}"
    stranger = bench.of(bench.beta)

    assert [] == (await stranger.get(URL)).json()["layouts"]
    assert [404, 404, 404] == [
        (await stranger.get(one)).status_code,
        (await stranger.put(one, json={"version": 1, "name": "x"})).status_code,
        (await stranger.delete(one)).status_code,
    ]


async def test_who_may_read_may_not_change(bench: Bench) -> None:
    await made(bench.of(bench.alpha))
    reader = bench.client(**{"X-TC-APP-KEY": bench.alpha.token})

    assert 1 == len((await reader.get(URL)).json()["layouts"])
    refused = await reader.post(URL, json=NEW)
    assert (403, "scope-missing") == (refused.status_code, refused.json()["error"]["id"])


async def test_a_session_needs_the_header_of_the_consoles_own_pages(bench: Bench) -> None:
    key = bench.control.keys.create(bench.alpha.project.project_id, name="browser", scopes=[*Scope]).text
    browser = bench.client()
    await browser.post("/console/api/session", json={"key": key}, headers={"x-bongsu-console": "1"})
    forged = await browser.post(URL, json=NEW)
    own = await browser.post(URL, json=NEW, headers={"x-bongsu-console": "1"})

    assert [(403, "csrf-header-missing"), (201, None)] == [
        (answer.status_code, answer.json().get("error", {}).get("id")) for answer in (forged, own)
    ]


async def test_a_mistake_is_told_with_its_place(bench: Bench) -> None:
    broken = {**NEW, "layout": {"panels": [{**LAYOUT["panels"][0], "h": 0}]}}
    answer = await bench.of(bench.alpha).post(URL, json=broken)

    assert (400, "bad-value") == (answer.status_code, answer.json()["error"]["id"])
    assert "'panels[0].h' is 0; send a whole number from 1 to 1000" == answer.json()["error"]["message"]
