from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from tests.support.people_app import make_people_app

from bongsu.api.access import AccessControl
from bongsu.control.bootstrap import bootstrap
from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.control.values import Scope
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def control(tmp_path: Path, clock: ManualClock) -> Iterator[ControlPlane]:
    plane = ControlPlane(sqlite_url(tmp_path / "control.db"), clock)
    bootstrap(plane, tmp_path)
    yield plane
    plane.close()


async def signed_in(
    control: ControlPlane,
    clock: ManualClock,
    scopes: list[Scope],
    *,
    project_id: str = "default",
    expires_ms: int | None = None,
) -> httpx.AsyncClient:
    """Return a browser that signed in with a new key."""
    made = control.keys.create(project_id, name="browser", scopes=scopes, expires_ms=expires_ms)
    browser = make_people_app(control, clock).browser()
    answer = await browser.post("/console/api/session", json={"key": made.text})
    assert answer.status_code == 200, answer.text
    return browser


async def test_a_key_for_a_purpose_works_is_listed_without_its_text_and_ends_when_revoked(
    control: ControlPlane, clock: ManualClock
) -> None:
    browser = await signed_in(control, clock, [*Scope])
    made = await browser.post("/console/api/keys", json={"name": "Grafana", "scopes": ["read"]})
    key_id, text = made.json()["keyId"], made.json()["key"]
    access = AccessControl(control.keys, clock, CollectorRegistry())

    assert (201, "no-store") == (made.status_code, made.headers["cache-control"])
    assert frozenset({Scope.READ}) == (await access.check_key(text)).scopes
    listed = await browser.get("/console/api/keys")
    assert text not in listed.text
    listed_keys = {key["name"]: key["isOwn"] for key in listed.json()["keys"]}
    assert (True, False) == (listed_keys["browser"], listed_keys["Grafana"])
    assert 204 == (await browser.delete(f"/console/api/keys/{key_id}")).status_code
    assert control.keys.find(key_id) is None


async def test_a_new_key_has_no_more_than_the_key_behind_the_session(
    control: ControlPlane, clock: ManualClock
) -> None:
    end = clock.now_ms() + 60_000
    browser = await signed_in(control, clock, [Scope.READ, Scope.MANAGE], expires_ms=end)
    refused = await browser.post("/console/api/keys", json={"name": "more", "scopes": ["read", "write"]})
    made = await browser.post("/console/api/keys", json={"name": "same", "scopes": ["read"]})

    assert (400, "scope-beyond-own") == (refused.status_code, refused.json()["error"]["id"])
    assert end == made.json()["expiresMs"]


async def test_keys_need_the_scope_manage(control: ControlPlane, clock: ManualClock) -> None:
    browser = await signed_in(control, clock, [Scope.READ])

    assert 403 == (await browser.get("/console/api/keys")).status_code
    assert (
        403 == (await browser.post("/console/api/keys", json={"name": "a", "scopes": ["read"]})).status_code
    )


async def test_the_key_of_the_session_cannot_be_revoked_from_it(
    control: ControlPlane, clock: ManualClock
) -> None:
    browser = await signed_in(control, clock, [*Scope])
    own = next(key for key in (await browser.get("/console/api/keys")).json()["keys"] if key["isOwn"])
    answer = await browser.delete(f"/console/api/keys/{own['keyId']}")

    assert (400, "key-in-use") == (answer.status_code, answer.json()["error"]["id"])


async def test_another_projects_keys_are_neither_seen_nor_revoked(
    control: ControlPlane, clock: ManualClock
) -> None:
    other = control.projects.create({"name": "other"}).project
    theirs = control.keys.create(other.project_id, name="theirs", scopes=[Scope.READ]).key
    browser = await signed_in(control, clock, [*Scope])
    listed = (await browser.get("/console/api/keys")).json()["keys"]

    assert "theirs" not in {key["name"] for key in listed}
    assert 404 == (await browser.delete(f"/console/api/keys/{theirs.key_id}")).status_code
    assert control.keys.find(theirs.key_id) is not None


@pytest.mark.parametrize(
    "fields",
    [{}, {"name": "", "scopes": ["read"]}, {"name": "a", "scopes": []}, {"name": "a", "scopes": "read"}],
)
async def test_a_wrong_field_makes_no_key(
    control: ControlPlane, clock: ManualClock, fields: dict[str, object]
) -> None:
    browser = await signed_in(control, clock, [*Scope])
    before = len(control.keys.all("default"))
    answer = await browser.post("/console/api/keys", json=fields)

    assert (400, before) == (answer.status_code, len(control.keys.all("default")))


async def test_a_forged_call_makes_no_key(control: ControlPlane, clock: ManualClock) -> None:
    browser = await signed_in(control, clock, [*Scope])
    del browser.headers["x-bongsu-console"]
    answer = await browser.post("/console/api/keys", json={"name": "a", "scopes": ["read"]})

    assert (403, "csrf-header-missing") == (answer.status_code, answer.json()["error"]["id"])
