"""The console's side of signing in at a provider: one browser goes and the same one comes back, and everything else is refused."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from tests.support.people_app import PASSWORD, URL, PeopleApp, make_people_app
from tests.support.strict_provider import CLIENT_ID, CLIENT_SECRET, StrictProvider, running_strict_provider

from bongsu.api.console.openid import BACK_CHANNEL, CALLBACK, OpenIdOptions, OpenIdSignIn, RoleRule
from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.control.roles import Role
from bongsu.identity.provider import Provider
from bongsu.identity.settings import ProviderSettings
from bongsu.identity.web import HttpWeb
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.anyio
KIM: dict[str, Any] = {"sub": "s1", "email": "kim@example.com", "email_verified": True, "groups": ["dev"]}
RULES = (RoleRule("dev", "alpha", Role.EDITOR), RoleRule("ops", "beta", Role.OWNER))


@pytest.fixture
def strict() -> Iterator[StrictProvider]:
    with running_strict_provider(claims=dict(KIM)) as provider:
        yield provider


@pytest.fixture
def people(tmp_path: Path, strict: StrictProvider) -> Iterator[PeopleApp]:
    clock = ManualClock(int(time.time() * 1000))
    control = ControlPlane(sqlite_url(tmp_path / "control.db"), clock)
    for name in ("alpha", "beta"):
        control.projects.create({"name": name}, project_id=name)
    provider = Provider(ProviderSettings(strict.issuer, CLIENT_ID, CLIENT_SECRET), HttpWeb("t"), clock)
    openid = OpenIdSignIn(provider, control.external_users, OpenIdOptions("Company", URL, RULES), clock)
    yield make_people_app(control, clock, openid=openid)
    control.close()


async def go(browser: httpx.AsyncClient, strict: StrictProvider, **instead: str) -> httpx.Response:
    """Go to the provider and come back; `instead` replaces what the provider sends along."""
    answer = await browser.get("/console/api/openid")
    assert answer.status_code == 303, answer.text
    url = answer.headers["location"]
    code = await asyncio.to_thread(strict.authorize, url)
    state = parse_qs(urlsplit(url).query)["state"][0]
    return await browser.get(CALLBACK, params={"code": code, "state": state} | instead)


def failed(answer: httpx.Response) -> str:
    assert 303 == answer.status_code
    assert not any("bongsu_session_9595=" in one for one in answer.headers.get_list("set-cookie"))
    found: str = answer.headers["location"]
    return found


async def test_who_comes_back_is_signed_in_with_the_roles_of_their_groups(
    people: PeopleApp, strict: StrictProvider
) -> None:
    browser = people.browser()
    first = await browser.get("/console/api/openid")
    answer = await go(browser, strict)
    shown = (await browser.get("/console/api/session")).json()

    assert "samesite=lax" in first.headers["set-cookie"].lower()
    assert "httponly" in first.headers["set-cookie"].lower()
    assert (303, f"{URL}/console/") == (answer.status_code, answer.headers["location"])
    assert ("kim@example.com", "alpha", "editor") == (
        shown["user"]["name"],
        shown["project"]["projectId"],
        shown["role"],
    )
    assert {"openid": {"label": "Company"}, "password": True, "key": True} == (
        await browser.get("/console/api/sign-in")
    ).json()
    assert 401 == (await people.sign_in(browser, "kim@example.com")).status_code, "there is no password here"
    ended = (await browser.delete("/console/api/session")).json()
    assert ended["goTo"].startswith(f"{strict.issuer}/end?")
    assert (await browser.get("/console/api/session")).json() is None


async def test_another_browser_cannot_bring_the_answer(people: PeopleApp, strict: StrictProvider) -> None:
    """Else somebody could sign a victim's browser in as themselves, and read what the victim enters."""
    attacker, victim = people.browser(), people.browser()
    started = await attacker.get("/console/api/openid")
    url = started.headers["location"]
    answer = {"code": strict.authorize(url), "state": parse_qs(urlsplit(url).query)["state"][0]}

    assert f"{URL}/console/?failed=openid-refused" == failed(await victim.get(CALLBACK, params=answer))
    await victim.get("/console/api/openid")
    assert f"{URL}/console/?failed=openid-refused" == failed(await victim.get(CALLBACK, params=answer))


@pytest.mark.parametrize(
    ("instead", "expected"),
    [
        ({"state": "guessed"}, "openid-refused"),
        ({"state": ""}, "openid-refused"),
        ({"code": "guessed"}, "openid-refused"),
        ({"code": ""}, "openid-refused"),
        ({"code": "x" * 5000}, "openid-refused"),
        ({"error": "access_denied<script>"}, "openid-refused"),
    ],
)
async def test_a_forged_answer_is_refused(
    people: PeopleApp, strict: StrictProvider, instead: dict[str, str], expected: str
) -> None:
    assert f"{URL}/console/?failed={expected}" == failed(await go(people.browser(), strict, **instead))


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"groups": []}, "openid-no-role"),
        ({"groups": ["someone-elses"]}, "openid-no-role"),
        ({"email_verified": False}, "openid-not-allowed"),
        ({"email": "taken@example.com", "sub": "s9"}, "openid-name-taken"),
        ({"email": "two words@example.com"}, "bad-value"),
        ({"nonce": "another"}, "openid-refused"),
    ],
)
async def test_who_does_not_come_in_is_told_why_and_so_is_the_trail(
    people: PeopleApp, strict: StrictProvider, claims: dict[str, Any], expected: str
) -> None:
    people.add("taken@example.com", roles={"alpha": "owner"})
    strict.claims |= claims

    assert f"{URL}/console/?failed={expected}" == failed(await go(people.browser(), strict))
    newest = people.control.audit.newest()[0]
    assert ("session.refuse", "nobody", expected) == (
        newest.action,
        newest.actor.name,
        newest.detail["reason"],
    )
    assert 200 == (await people.sign_in(people.browser(), "taken@example.com", PASSWORD)).status_code


async def test_roles_follow_the_groups_at_every_sign_in(people: PeopleApp, strict: StrictProvider) -> None:
    await go(people.browser(), strict)
    strict.claims["groups"] = ["ops"]
    browser = people.browser()
    await go(browser, strict)
    shown = (await browser.get("/console/api/session")).json()

    assert [("beta", "owner")] == [(one["projectId"], one["role"]) for one in shown["projects"]]


async def say_signed_out(people: PeopleApp, token: str) -> httpx.Response:
    """Say, as the provider does, that somebody has signed out there."""
    return await people.browser().post(BACK_CHANNEL, data={"logout_token": token})


async def test_who_signs_out_at_the_provider_is_signed_out_here(
    people: PeopleApp, strict: StrictProvider
) -> None:
    kim, kims_other, lee = people.browser(), people.browser(), people.browser()
    await go(kim, strict)
    await go(kims_other, strict)
    strict.claims |= {"sub": "s2", "email": "lee@example.com"}
    await go(lee, strict)

    answer = await say_signed_out(people, strict.logout_token(sub="s1"))

    assert (200, "no-store") == (answer.status_code, answer.headers["cache-control"]), answer.text
    for browser in (kim, kims_other):
        assert (await browser.get("/console/api/session")).json() is None
    assert (await lee.get("/console/api/session")).json() is not None
    (newest,) = people.control.audit.newest(count=1)
    assert ("openid", "session.revoke-all", "kim@example.com", {"count": 2}) == (
        newest.actor.name,
        newest.action,
        newest.subject,
        newest.detail,
    )
    strict.claims |= {"sub": "s1", "email": "kim@example.com"}
    await go(kim, strict)
    assert (await kim.get("/console/api/session")).json() is not None
    assert 200 == (await say_signed_out(people, strict.logout_token(sub="nobody"))).status_code


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sub": None, "sid": "x"}, "names a session and nobody"),
        ({"events": None}, "no logout token"),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, "no logout token"),
        ({"events": {"http://schemas.openid.net/event/backchannel-logout": "x"}}, "no logout token"),
        ({"nonce": "n"}, "no logout token"),
        ({"aud": "another-client"}, "aud"),
        ({"iss": "https://other.example.com"}, "iss"),
        ({"iat": None}, "iat"),
        ({"iat": 1_000}, "too old"),
        ({"exp": 1_000}, "expired"),
    ],
)
async def test_a_token_that_does_not_say_that_somebody_signed_out_ends_nothing(
    people: PeopleApp, strict: StrictProvider, changed: dict[str, Any], reason: str
) -> None:
    browser = people.browser()
    await go(browser, strict)

    answer = await say_signed_out(people, strict.logout_token(**changed))

    assert (400, "openid-refused") == (answer.status_code, answer.json()["error"]["id"])
    assert reason in answer.json()["error"]["message"]
    assert (await browser.get("/console/api/session")).json() is not None


@pytest.mark.parametrize(
    "body", [{}, {"logout_token": "x"}, {"logout_token": "a.b.c"}, {"logout_token": "y" * 20_000}]
)
async def test_whoever_is_not_the_provider_ends_nothing(
    people: PeopleApp, strict: StrictProvider, body: dict[str, str]
) -> None:
    browser = people.browser()
    await go(browser, strict)
    forger = RSAKey.generate_key(2048, {"kid": "first"})
    strict.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, forger)

    answers = [
        await people.browser().post(BACK_CHANNEL, data=body),
        await say_signed_out(people, strict.logout_token()),
    ]

    assert [400, 400] == [answer.status_code for answer in answers]
    assert (await browser.get("/console/api/session")).json() is not None


async def test_a_password_is_not_the_providers_to_end(people: PeopleApp, strict: StrictProvider) -> None:
    people.add("taken@example.com", roles={"alpha": "viewer"})
    browser = people.browser()
    await people.sign_in(browser, "taken@example.com", PASSWORD)
    strict.claims |= {"email": "taken@example.com"}

    assert 200 == (await say_signed_out(people, strict.logout_token())).status_code
    assert (await browser.get("/console/api/session")).json() is not None


async def test_a_browser_at_another_address_is_sent_to_the_one_that_it_comes_back_to(
    people: PeopleApp,
) -> None:
    browser = people.browser("http://127.0.0.1:9595")
    moved = await browser.get("/console/api/openid")
    hidden = await browser.get("/console/api/openid?moved=1")

    assert (303, f"{URL}/console/api/openid?moved=1") == (moved.status_code, moved.headers["location"])
    assert "code_challenge" in hidden.headers["location"], "behind a proxy that hides the address it goes on"


async def test_a_provider_that_is_away_leaves_the_other_ways_open(
    people: PeopleApp, strict: StrictProvider
) -> None:
    strict.document = {"issuer": "https://other.example.com"}
    people.add("kim", roles={"alpha": "viewer"})
    answer = await people.browser().get("/console/api/openid")

    assert f"{URL}/console/?failed=openid-unavailable" == failed(answer)
    assert 200 == (await people.sign_in(people.browser(), "kim")).status_code
