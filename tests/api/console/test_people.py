"""Signing in, sessions, roles and accounts over HTTP; a second project whose members see nothing of the first."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import generate_latest
from tests.support.people_app import PASSWORD, make_people_app, running_people_app

from bongsu.api.console.guard import TOLD_FAILURES, GuessLimits
from bongsu.api.uses import NOTE_SECONDS
from bongsu.control.context import ControlOptions
from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.control.values import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from tests.support.people_app import PeopleApp

pytestmark = pytest.mark.anyio


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "control.db")


@pytest.fixture
def people(url: str) -> Iterator[PeopleApp]:
    with running_people_app(url) as app:
        yield app


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["id"]


async def keys_of(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get("/console/api/keys")


async def test_a_person_signs_in_and_sees_their_projects_only(people: PeopleApp) -> None:
    people.add("kim", roles={"beta": "editor"})
    browser = people.browser()
    answer = await people.sign_in(browser, " KIM ")
    shown = (await browser.get("/console/api/session")).json()

    assert 200 == answer.status_code
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert ("beta", "editor", ["beta"]) == (
        shown["project"]["projectId"],
        shown["role"],
        [project["projectId"] for project in shown["projects"]],
    )
    listed = (await browser.get("/admin/v1/projects")).json()["projects"]
    assert ["beta"] == [project["projectId"] for project in listed]
    for path in (
        "/admin/v1/projects/alpha",
        "/admin/v1/projects/nowhere",
        "/admin/v1/projects/alpha/members",
    ):
        assert (403, "project-forbidden") == told(await browser.get(path))
    elsewhere = await browser.get("/console/api/layouts", headers={"x-bongsu-project": "alpha"})
    assert (403, "project-forbidden") == told(elsewhere)
    assert "no role in the project 'alpha'" in elsewhere.text


async def test_the_header_chooses_the_project_of_a_call_and_a_stream_names_it_in_the_query(
    people: PeopleApp,
) -> None:
    people.add("kim", roles={"alpha": "viewer", "beta": "owner"})
    browser = await people.signed_in("kim")
    in_beta = {"x-bongsu-project": "beta"}

    assert (403, "role-missing") == told(await keys_of(browser))
    assert 200 == (await browser.get("/console/api/keys", headers=in_beta)).status_code
    assert 200 == (await browser.get("/console/api/keys?project=beta")).status_code


@pytest.mark.parametrize(
    ("role", "expected"),
    [("viewer", [200, 403, 403]), ("editor", [200, 201, 403]), ("owner", [200, 201, 200])],
)
async def test_roles_read_change_and_own(people: PeopleApp, role: str, expected: list[int]) -> None:
    people.add("kim", roles={"alpha": role})
    browser = await people.signed_in("kim")
    layout = {"name": "Main", "place": "servers", "layout": {"panels": []}}
    answers = [
        await browser.get("/console/api/layouts"),
        await browser.post("/console/api/layouts", json=layout),
        await keys_of(browser),
    ]

    assert expected == [answer.status_code for answer in answers]


async def test_an_owner_makes_keys_of_any_scope_and_the_trail_names_the_person(people: PeopleApp) -> None:
    people.add("kim", roles={"alpha": "owner"})
    browser = await people.signed_in("kim")
    made = await browser.post("/console/api/keys", json={"name": "all", "scopes": [*Scope]})
    entry = people.control.audit.newest(project_id="alpha")[0]

    assert 201 == made.status_code
    assert ("user:kim", "127.0.0.1", "key.create") == (entry.actor.name, entry.actor.address, entry.action)


@pytest.mark.parametrize("field", ["limits", "allowedNetworks"])
async def test_what_protects_the_server_is_not_an_owners_to_change(people: PeopleApp, field: str) -> None:
    people.add("kim", roles={"alpha": "owner"})
    browser = await people.signed_in("kim")
    good = await browser.patch("/admin/v1/projects/alpha", json={"name": "new"})
    bad = await browser.patch("/admin/v1/projects/alpha", json={field: {}})

    assert (200, "new") == (good.status_code, good.json()["name"])
    assert (403, "role-missing") == told(bad)


async def test_a_key_opens_nothing_of_the_admin_api_in_the_console_either(people: PeopleApp) -> None:
    key = people.control.keys.create("alpha", name="k", scopes=[*Scope]).text
    browser = people.browser()
    await browser.post("/console/api/session", json={"key": key})

    assert (403, "account-needed") == told(await browser.get("/admin/v1/projects"))
    assert (403, "account-needed") == told(await browser.get("/console/api/account/sessions"))
    assert 200 == (await browser.get("/console/api/layouts")).status_code


async def test_a_change_from_another_site_is_refused_on_every_api(people: PeopleApp) -> None:
    people.add("root", everywhere="administrator")
    browser = await people.signed_in("root")
    del browser.headers["x-bongsu-console"]

    for method, path in (
        ("POST", "/admin/v1/users"),
        ("DELETE", "/admin/v1/projects/alpha"),
        ("DELETE", "/console/api/account/sessions"),
        ("DELETE", "/console/api/session"),
        ("POST", "/v1.0/projects/alpha/jobs"),
    ):
        answer = await browser.request(method, path, json={})
        assert 403 == answer.status_code, path
        assert "csrf-header-missing" in answer.text
    assert 200 == (await browser.get("/admin/v1/users")).status_code


async def test_wrong_passwords_are_throttled_for_a_user_wherever_they_come_from(url: str) -> None:
    limits = GuessLimits(per_user=3, per_address=100, window_s=30)
    with running_people_app(url, guesses=limits) as people:
        people.add("kim")
        browser = people.browser()
        statuses = [(await people.sign_in(browser, "kim", "wrong")).status_code for _ in range(3)]
        refused = await people.sign_in(browser, "kim")
        other = await people.sign_in(browser, "lee", "wrong")
        await people.clock.advance(10)
        good = await people.sign_in(browser, "KIM")
        again = [(await people.sign_in(browser, "kim", "wrong")).status_code for _ in range(4)]

    assert [401, 401, 401] == statuses
    assert (429, "too-many-sign-ins", "10") == (*told(refused), refused.headers["retry-after"])
    assert "3 in 30 s are allowed (setting people.guesses_per_user)" in refused.text
    assert (401, "sign-in-failed") == told(other)
    assert 200 == good.status_code, "a good password is taken as soon as one attempt is back"
    assert [401, 401, 401, 429] == again, "and gives the attempts back"


async def test_wrong_passwords_are_throttled_for_an_address_whoever_is_tried(url: str) -> None:
    with running_people_app(url, guesses=GuessLimits(per_user=100, per_address=3, window_s=30)) as people:
        people.add("kim")
        browser = people.browser()
        for number in range(3):
            await people.sign_in(browser, f"name-{number}", "wrong")
        refused = await people.sign_in(browser, "kim")
        metrics = generate_latest(people.registry).decode()

    assert (429, "too-many-sign-ins") == told(refused)
    assert "people.guesses_per_address" in refused.text
    assert 'bongsu_sign_in_refused_total{reason="sign-in-failed"} 3.0' in metrics
    assert 'bongsu_sign_in_refused_total{reason="too-many-sign-ins"} 1.0' in metrics


async def test_a_flood_of_failures_does_not_flood_the_trail(url: str) -> None:
    limits = GuessLimits(per_user=0, per_address=0)
    with running_people_app(url, guesses=limits) as people:
        browser = people.browser()
        guard = people.people.sign_in._guard
        for number in range(TOLD_FAILURES + 20):
            guard.tell(f"n{number}", "sign-in-failed", _here())
        before = len(people.control.audit.newest(count=1000))
        await people.clock.advance(60)
        await people.sign_in(browser, "a password typed as a name", "wrong")
        newest = people.control.audit.newest(count=1000)

    refusals = [entry for entry in newest if entry.action == "session.refuse"]
    assert TOLD_FAILURES + 1 == len(refusals)
    assert len(newest) == before + 1
    assert ("nobody", "?", {"reason": "sign-in-failed", "untold": 20}) == (
        refusals[0].actor.name,
        refusals[0].subject,
        refusals[0].detail,
    )


def _here() -> Any:
    from bongsu.control.people import Origin

    return Origin("192.0.2.7")


async def test_many_sign_ins_at_once_wait_or_are_told_to_come_again(
    people: PeopleApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bongsu.api.console.guard.MAX_WAITING", 2)
    people.add("kim")
    answers = await asyncio.gather(*(people.sign_in(people.browser(), "kim") for _ in range(4)))

    assert {200, 429} == {answer.status_code for answer in answers}
    assert {"sign-in-busy"} == {told(answer)[1] for answer in answers if answer.status_code == 429}
    assert 200 == (await people.sign_in(people.browser(), "kim")).status_code


async def test_a_session_without_calls_ends_and_one_in_use_lives_to_its_time(url: str) -> None:
    options = ControlOptions(session_ms=10 * 3_600_000, session_idle_ms=3_600_000)
    with running_people_app(url, options) as people:
        people.add("kim", roles={"alpha": "viewer"})
        busy, idle = await people.signed_in("kim"), await people.signed_in("kim")
        statuses = []
        for _ in range(12):
            await people.clock.advance(3_000)
            people.control.sessions.note_use(people.sessions.take_uses())
            statuses.append((await busy.get("/console/api/layouts")).status_code)
        late = await idle.get("/console/api/session")

    assert [200] * 11 + [401] == statuses
    assert late.json() is None


async def test_uses_are_written_down_every_minute(people: PeopleApp) -> None:
    kim = people.add("kim", roles={"alpha": "viewer"})
    browser = await people.signed_in("kim")
    await people.clock.advance(NOTE_SECONDS)
    await browser.get("/console/api/layouts")
    people.control.sessions.note_use(people.sessions.take_uses())
    (session,) = people.control.sessions.all(kim.user_id)

    assert NOTE_SECONDS * 1000 == session.seen_ms - session.created_ms
    assert {} == people.sessions.take_uses()


async def test_a_person_lists_and_ends_their_own_sessions_and_nobody_elses(people: PeopleApp) -> None:
    people.add("kim", roles={"alpha": "viewer"})
    lee = people.add("lee", roles={"alpha": "owner"})
    here, there, other = (
        await people.signed_in("kim"),
        await people.signed_in("kim"),
        await people.signed_in("lee"),
    )
    listed = (await here.get("/console/api/account/sessions")).json()["sessions"]
    (theirs,) = people.control.sessions.all(lee.user_id)
    (elsewhere,) = (one["sessionId"] for one in listed if not one["isOwn"])

    assert ["Browser/1.0"] * 2 == [one["client"] for one in listed]
    assert {"password"} == {one["method"] for one in listed}
    assert 404 == (await here.delete(f"/console/api/account/sessions/{theirs.session_id}")).status_code
    assert 204 == (await here.delete(f"/console/api/account/sessions/{elsewhere}")).status_code
    assert 401 == (await there.get("/console/api/layouts")).status_code
    assert 200 == (await other.get("/console/api/layouts")).status_code
    assert 200 == (await here.get("/console/api/layouts")).status_code


async def test_a_new_password_needs_the_old_one_and_signs_the_others_out(people: PeopleApp) -> None:
    people.add("kim", roles={"alpha": "viewer"})
    here, there = await people.signed_in("kim"), await people.signed_in("kim")
    path = "/console/api/account/password"
    wrong = await here.put(path, json={"current": "wrong", "password": "another good one"})
    weak = await here.put(path, json={"current": PASSWORD, "password": "weak"})
    good = await here.put(path, json={"current": PASSWORD, "password": "another good one"})

    assert [(400, "wrong-password"), (400, "weak-password"), 204] == [
        told(wrong),
        told(weak),
        good.status_code,
    ]
    assert [200, 401] == [(await one.get("/console/api/layouts")).status_code for one in (here, there)]
    assert 401 == (await people.sign_in(people.browser(), "kim")).status_code
    assert 200 == (await people.sign_in(people.browser(), "kim", "another good one")).status_code


async def test_roles_that_are_taken_away_are_gone_with_the_next_call(people: PeopleApp) -> None:
    kim = people.add("kim", roles={"alpha": "owner"})
    browser = await people.signed_in("kim")
    assert 200 == (await keys_of(browser)).status_code
    people.control.members.change("alpha", kim.user_id, "viewer")
    assert (403, "role-missing") == told(await keys_of(browser))
    people.control.members.remove("alpha", kim.user_id)
    assert (403, "project-forbidden") == told(await browser.get("/console/api/layouts"))
    shown = (await browser.get("/console/api/session")).json()
    assert (None, None, []) == (shown["project"], shown["role"], shown["projects"])


@pytest.mark.parametrize("change", ["revoke", "disable", "demote"])
async def test_another_process_is_followed_within_a_second(url: str, change: str) -> None:
    with running_people_app(url) as people:
        kim = people.add("kim", roles={"alpha": "owner"})
        there = ControlPlane(url, people.clock)
        browser = await people.signed_in("kim")
        await keys_of(browser)
        if change == "revoke":
            there.sessions.revoke_all(kim.user_id)
        elif change == "disable":
            there.users.update(kim.user_id, {"enabled": False})
        else:
            there.members.change("alpha", kim.user_id, "viewer")
        there.close()
        await people.clock.advance(0.999)
        answer = await keys_of(browser)

    assert (403 if change == "demote" else 401) == answer.status_code


async def test_sessions_of_one_process_are_taken_by_another(url: str) -> None:
    with running_people_app(url) as people:
        people.add("kim", roles={"alpha": "viewer"})
        browser = await people.signed_in("kim")
        there = ControlPlane(url, people.clock)
        other = make_people_app(there, people.clock).browser()
        other.cookies = browser.cookies
        answer = await other.get("/console/api/layouts")
        there.close()

    assert 200 == answer.status_code


async def test_the_operators_link_makes_the_first_administrator_and_only_the_first(people: PeopleApp) -> None:
    key = people.control.keys.create("alpha", name="appkey", scopes=[*Scope])
    operator, stranger = people.browser(), people.browser()
    link = people.control.sessions.link_for_operator(key.key.key_id)
    shown = (await operator.post("/console/api/session", json={"once": link})).json()
    await stranger.post("/console/api/session", json={"key": key.text})
    fields = {"name": "root", "password": PASSWORD}
    path = "/console/api/first-administrator"

    assert (True, None) == (shown["mayMakeFirst"], shown["user"])
    assert (403, "operator-needed") == told(await stranger.post(path, json=fields))
    assert (400, "weak-password") == told(await operator.post(path, json=fields | {"password": "x"}))
    made = await operator.post(path, json=fields)
    assert (201, "administrator") == (made.status_code, made.json()["role"])
    assert 200 == (await operator.get("/admin/v1/users")).status_code
    assert (403, "operator-needed") == told(await operator.post(path, json=fields | {"name": "two"}))


async def test_an_invitation_is_taken_once_with_a_good_password(people: PeopleApp) -> None:
    people.add("kim", roles={"alpha": "owner"})
    owner = await people.signed_in("kim")
    made = (
        await owner.post("/admin/v1/projects/alpha/members", json={"name": "lee", "role": "viewer"})
    ).json()
    match = re.fullmatch(r"http://console.test:9595/console/#once=(\S+)", made["link"]["url"])
    assert match is not None
    once, guest = match.group(1), people.browser()

    async def take(**fields: str) -> httpx.Response:
        return await guest.post("/console/api/session", json={"once": once, **fields})

    assert (400, "password-needed") == told(await take())
    assert "'lee'" in (await take()).text
    assert (400, "weak-password") == told(await take(password="short"))
    assert 200 == (await take(password=PASSWORD)).status_code
    assert (401, "console-link-invalid") == told(await take(password=PASSWORD))
    assert 200 == (await guest.get("/console/api/layouts")).status_code
    assert (403, "role-missing") == told(await keys_of(guest))


async def test_no_owner_gets_a_link_into_another_project(people: PeopleApp) -> None:
    """Somebody invited to alpha has no password yet: who adds them to beta must not be able to choose it."""
    people.add("kim", roles={"alpha": "owner"})
    people.add("lee", roles={"beta": "owner"})
    alphas, betas = await people.signed_in("kim"), await people.signed_in("lee")
    member = {"name": "new", "role": "viewer"}
    first = (await alphas.post("/admin/v1/projects/alpha/members", json=member)).json()
    second = (await betas.post("/admin/v1/projects/beta/members", json=member)).json()

    assert first["link"] is not None
    assert (first["userId"], None) == (second["userId"], second["link"])
    path = f"/admin/v1/users/{first['userId']}"
    for method, rest in (("POST", "/invitation"), ("PUT", "/password"), ("PATCH", ""), ("DELETE", "")):
        assert (403, "role-missing") == told(await betas.request(method, f"{path}{rest}", json={}))
    give = await betas.put(f"/admin/v1/projects/beta/members/{first['userId']}", json={"role": "owner"})
    assert (403, "role-missing") == told(give)


async def test_keys_sign_in_until_the_setting_says_no(url: str) -> None:
    with running_people_app(url, keys_sign_in=False) as people:
        key = people.control.keys.create("alpha", name="k", scopes=["read"]).text
        browser = people.browser()
        ways = [(await browser.get("/console/api/sign-in")).json()]
        before = await browser.post("/console/api/session", json={"key": key})
        people.add("root", everywhere="administrator")
        ways.append((await browser.get("/console/api/sign-in")).json())
        after = await people.browser().post("/console/api/session", json={"key": key})

    assert [(False, True), (True, False)] == [(way["password"], way["key"]) for way in ways]
    assert 200 == before.status_code, "else nobody could get in"
    assert (403, "key-sign-in-off") == told(after)


async def test_administrators_manage_users_over_the_admin_api(people: PeopleApp) -> None:
    made = (await people.admin("POST", "/users", {"name": "kim", "roles": {"alpha": "editor"}})).json()
    path = f"/users/{made['userId']}"

    assert made["link"]["url"].startswith("http://console.test:9595/console/#once=")
    assert 204 == (await people.admin("PUT", f"{path}/password", {"password": PASSWORD})).status_code
    browser = await people.signed_in("kim")
    sessions = (await people.admin("GET", f"{path}/sessions")).json()["sessions"]
    assert ["password"] == [one["method"] for one in sessions]
    assert 204 == (await people.admin("DELETE", f"{path}/sessions/{sessions[0]['sessionId']}")).status_code
    assert 401 == (await browser.get("/console/api/layouts")).status_code
    changed = await people.admin("PATCH", path, {"everywhere": "viewer", "displayName": "Kim"})
    assert ("viewer", "Kim") == (changed.json()["everywhere"], changed.json()["displayName"])
    await people.admin("PATCH", path, {"enabled": False})
    assert 401 == (await people.sign_in(people.browser(), "kim")).status_code
    assert 204 == (await people.admin("DELETE", path)).status_code
    assert 404 == (await people.admin("GET", path)).status_code


async def test_the_trail_is_paged_and_filtered_over_http(people: PeopleApp) -> None:
    people.add("kim", roles={"alpha": "owner"})
    owner = await people.signed_in("kim")
    for number in range(5):
        await owner.post("/console/api/keys", json={"name": f"k{number}", "scopes": ["read"]})
    path, names = "/admin/v1/projects/alpha/audit?actor=user:kim&action=key.&limit=2", []
    before: int | None = None
    while True:
        page = (await owner.get(path if before is None else f"{path}&before={before}")).json()
        names += [entry["detail"]["name"] for entry in page["entries"]]
        before = page["before"]
        if before is None:
            break

    assert ["k4", "k3", "k2", "k1", "k0"] == names
    for bad in (
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "before=0",
        "limit=1001",
        "who=kim",
        "actor=",
    ):
        assert (400, "bad-value") == told(await owner.get(f"/admin/v1/projects/alpha/audit?{bad}")), bad
    none = await owner.get("/admin/v1/projects/alpha/audit?since=2999-01-01T00:00:00Z")
    assert [] == none.json()["entries"]
    assert (403, "role-missing") == told(await owner.get("/admin/v1/audit"))
