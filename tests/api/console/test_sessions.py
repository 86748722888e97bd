from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from tests.support.access import FixedKeys, make_project

from bongsu.api.access import AccessControl
from bongsu.api.console.sessions import CSRF_HEADER, LINK_MS, SESSION_MS, SessionStore, cookie_name
from bongsu.api.errors import Forbidden, Unauthorized
from bongsu.control.values import Scope
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path


def browser_request(token: str, method: str = "GET", *, port: int = 9595, **headers: str) -> Request:
    sent = {"host": f"127.0.0.1:{port}", "cookie": f"bongsu_session_{port}={token}"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    scope = {
        "type": "http",
        "scheme": "http",
        "method": method,
        "path": "/",
        "query_string": b"",
        "headers": raw,
    }
    return Request(scope)


@pytest.mark.anyio
async def test_a_session_ends_after_its_time() -> None:
    clock = ManualClock()
    store = SessionStore(clock)
    token, record = store.open("k1")

    assert "k1" == record.key_id
    assert record == store.find(token)
    await clock.advance(SESSION_MS / 1000 - 1)
    assert record == store.find(token)
    await clock.advance(1)
    assert store.find(token) is None


def test_a_link_is_good_once_and_is_no_session() -> None:
    store = SessionStore(ManualClock())
    token = store.link("k1")

    assert store.find(token) is None
    assert "k1" == store.redeem(token)
    with pytest.raises(Unauthorized, match="used already or is too old"):
        store.redeem(token)


@pytest.mark.anyio
async def test_a_link_that_waited_too_long_is_refused() -> None:
    clock = ManualClock()
    store = SessionStore(clock)
    token = store.link("k1")
    await clock.advance(LINK_MS / 1000)

    with pytest.raises(Unauthorized):
        store.redeem(token)


def test_a_session_token_is_no_link() -> None:
    store = SessionStore(ManualClock())
    token, _ = store.open("k1")

    with pytest.raises(Unauthorized):
        store.redeem(token)


def test_signing_out_ends_one_session_and_revoking_ends_all_of_a_key() -> None:
    store = SessionStore(ManualClock())
    first, second, other = (store.open(key)[0] for key in ("k1", "k1", "k2"))
    store.close(first)

    assert store.find(first) is None
    assert store.find(second) is not None
    assert 1 == store.close_all("k1")
    assert store.find(second) is None
    assert store.find(other) is not None


def test_the_file_keeps_hashes_only_and_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "sessions.json"
    clock = ManualClock()
    store = SessionStore(clock, file=file)
    session, _ = store.open("k1")
    link = store.link("k2")

    content = file.read_text()
    assert session not in content
    assert link not in content
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    again = SessionStore(clock, file=file)
    assert store.find(session) == again.find(session)
    assert "k2" == again.redeem(link)
    with pytest.raises(Unauthorized):
        SessionStore(clock, file=file).redeem(link)


@pytest.mark.parametrize("content", ["", "[]", "nonsense", '{"a": 1}', '{"a": {"kind": "no"}}'])
def test_a_damaged_file_signs_everyone_out_and_does_no_more(tmp_path: Path, content: str) -> None:
    file = tmp_path / "sessions.json"
    file.write_text(content)
    store = SessionStore(ManualClock(), file=file)
    token, record = store.open("k1")

    assert record == store.find(token)


def test_the_oldest_sessions_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bongsu.api.console.sessions._MAX_RECORDS", 2)
    store = SessionStore(ManualClock())
    tokens = [store.open(f"k{number}")[0] for number in range(3)]

    assert [False, True, True] == [store.find(token) is not None for token in tokens]


def test_two_servers_on_one_host_use_different_cookies() -> None:
    names = {cookie_name(browser_request("t", port=port)) for port in (9595, 9596)}

    assert {"bongsu_session_9595", "bongsu_session_9596"} == names


@pytest.mark.anyio
async def test_a_session_acts_as_its_key_in_every_api() -> None:
    keys, clock, store = FixedKeys(), ManualClock(), SessionStore(ManualClock())
    alpha, beta = make_project(), make_project("beta", 7)
    keys.add(alpha, "k1")
    keys.add(beta, "k2")
    access = AccessControl(keys, clock, CollectorRegistry(), sessions=store)
    token, _ = store.open("k1")

    assert alpha == (await access.require(browser_request(token), Scope.MANAGE)).project
    assert alpha == (await access.require_apm(browser_request(token))).project
    with pytest.raises(Forbidden):
        await access.require(browser_request(token), Scope.READ, project_id="beta")
    with pytest.raises(Forbidden):
        await access.require_apm(browser_request(token, x_whatap_pcode="7"))


@pytest.mark.anyio
async def test_a_session_has_no_more_than_its_keys_scopes() -> None:
    keys, clock = FixedKeys(), ManualClock()
    store = SessionStore(clock)
    keys.add(make_project(), "k1", scopes=frozenset({Scope.READ}))
    access = AccessControl(keys, clock, CollectorRegistry(), sessions=store)
    token, _ = store.open("k1")

    with pytest.raises(Forbidden, match="this call needs 'manage'"):
        await access.require(browser_request(token), Scope.MANAGE)


@pytest.mark.anyio
async def test_revoking_a_key_ends_its_sessions_at_once() -> None:
    keys, clock = FixedKeys(), ManualClock()
    store = SessionStore(clock)
    keys.add(make_project(), "k1")
    access = AccessControl(keys, clock, CollectorRegistry(), sessions=store)
    token, _ = store.open("k1")
    await access.require(browser_request(token), Scope.READ)
    keys.remove("k1")

    with pytest.raises(Unauthorized, match="revoked"):
        await access.require(browser_request(token), Scope.READ)


@pytest.mark.anyio
async def test_a_key_in_the_request_wins_over_the_session() -> None:
    keys, clock = FixedKeys(), ManualClock()
    store = SessionStore(clock)
    keys.add(make_project(), "k1")
    key = keys.add(make_project("beta", 7), "k2")
    access = AccessControl(keys, clock, CollectorRegistry(), sessions=store)
    token, _ = store.open("k1")

    found = await access.require(browser_request(token, x_tc_app_key=key), Scope.READ)

    assert "beta" == found.project.project_id


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_forged_change_is_refused(method: str) -> None:
    keys, clock = FixedKeys(), ManualClock()
    store = SessionStore(clock)
    keys.add(make_project(), "k1")
    access = AccessControl(keys, clock, CollectorRegistry(), sessions=store)
    token, _ = store.open("k1")

    with pytest.raises(Forbidden, match=CSRF_HEADER) as refused:
        await access.require(browser_request(token, method), Scope.MANAGE)
    assert "csrf-header-missing" == refused.value.id
    own = browser_request(token, method, x_bongsu_console="1")
    assert "k1" == (await access.require(own, Scope.MANAGE)).key_id


@pytest.mark.anyio
async def test_an_unknown_cookie_is_no_key() -> None:
    access = AccessControl(
        FixedKeys(), ManualClock(), CollectorRegistry(), sessions=SessionStore(ManualClock())
    )

    with pytest.raises(Unauthorized, match="no key was sent"):
        await access.require(browser_request("made-up"), Scope.READ)
