"""The settings about people: what they make, what is wrong with them, and what is cleared away while the server runs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
import structlog
from sqlalchemy import func, select

from bongsu.api.console.openid import RoleRule, roles_of
from bongsu.control.database import DatabaseUnavailable, sqlite_url
from bongsu.control.people import Bearer, Method, Origin
from bongsu.control.people_tables import SessionRow
from bongsu.control.plane import ControlPlane
from bongsu.control.roles import Role
from bongsu.control.values import Actor
from bongsu.model.errors import InvalidInput
from bongsu.runtime.clock import ManualClock
from bongsu.server.config import load_settings
from bongsu.server.options import control_options
from bongsu.server.people import (
    CLEAR_EVERY_S,
    clear,
    clear_regularly,
    first_roles,
    provider_settings,
    role_rules,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.server.settings import Settings

DAY_MS = 86_400_000


def settings(**variables: str) -> Settings:
    return load_settings(environment={f"BONGSU_{name}": value for name, value in variables.items()})


def test_the_settings_reach_the_control_plane() -> None:
    found = control_options(
        settings(PEOPLE_SESSION="1d", PEOPLE_SESSION_IDLE="2h", PEOPLE_PASSWORD_LENGTH="20")
    )

    assert (DAY_MS, 7_200_000, 20) == (found.session_ms, found.session_idle_ms, found.password_length)


def test_groups_give_roles_and_the_strongest_counts() -> None:
    found = role_rules(
        settings(
            OPENID_ROLES="sre -> *=owner,dev->shop=editor,cn=ops -> dc -> shop=viewer,root -> administrator,* -> demo=viewer"
        ).openid
    )

    assert (
        RoleRule("sre", "*", Role.OWNER),
        RoleRule("dev", "shop", Role.EDITOR),
        RoleRule("cn=ops -> dc", "shop", Role.VIEWER),
        RoleRule("root", "*", Role.ADMINISTRATOR),
        RoleRule("*", "demo", Role.VIEWER),
    ) == found
    assert {"*": Role.ADMINISTRATOR, "shop": Role.EDITOR, "demo": Role.VIEWER} == roles_of(
        ("sre", "dev", "cn=ops -> dc", "root"), found
    )
    assert {"demo": Role.VIEWER} == roles_of((), found)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"OPENID_ISSUER": "https://id.example.com"}, "openid.issuer is given without openid.client_id"),
        ({"OPENID_CLIENT_SECRET": "a", "OPENID_CLIENT_SECRET_FILE": "b"}, "are both given; give one"),
        ({"PEOPLE_SESSION": "1h", "PEOPLE_SESSION_IDLE": "2h"}, "session_idle is longer than people.session"),
        ({"PEOPLE_PASSWORD_LENGTH": "4"}, "at least 8 is needed"),
        ({"PEOPLE_KEY_SIGN_IN": "maybe"}, "choose one of yes, no"),
    ],
)
def test_contradictions_are_told(variables: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        settings(**variables)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"OPENID_ISSUER": "http://id.example.com"}, "write an https address"),
        ({"OPENID_ISSUER": "https://i", "OPENID_CLIENT_SECRET_FILE": "/nowhere"}, "No such file"),
        ({"OPENID_ISSUER": "https://i", "OPENID_ROLES": "sre=owner"}, "'sre=owner' gives no role"),
        ({"OPENID_ISSUER": "https://i", "OPENID_ROLES": "sre -> shop=king"}, "'shop=king' gives no role"),
        ({"OPENID_ISSUER": "https://i", "OPENID_ROLES": "sre -> shop="}, "names no role"),
        (
            {"OPENID_ISSUER": "https://i", "OPENID_FIRST_ROLES": "shop"},
            "openid.first_roles: 'shop' gives no role",
        ),
    ],
)
def test_mistakes_of_a_provider_are_told(variables: dict[str, str], says: str) -> None:
    openid = settings(OPENID_CLIENT_ID="bongsu", **variables).openid

    with pytest.raises(InvalidInput, match=says) as refused:
        (provider_settings(openid), role_rules(openid), first_roles(openid))
    assert "bad-setting" == refused.value.id


def test_a_secret_of_the_wrong_kind_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "bongsu.toml"
    file.write_text("[openid]\nclient_secret = 918273645\n")

    with pytest.raises(InvalidInput, match="<secret>: a text is needed") as refused:
        load_settings(file, environment={})
    assert "918273645" not in refused.value.message


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-the-file\n")
    found = provider_settings(
        settings(
            OPENID_ISSUER="https://i",
            OPENID_CLIENT_ID="b",
            OPENID_CLIENT_SECRET_FILE=str(tmp_path / "secret"),
        ).openid
    )

    assert "from-the-file" == found.client_secret


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def control(tmp_path: Path, clock: ManualClock) -> Iterator[ControlPlane]:
    plane = ControlPlane(sqlite_url(tmp_path / "control.db"), clock)
    yield plane
    plane.close()


@pytest.mark.anyio
async def test_ended_sessions_and_entries_beyond_the_retention_are_removed(
    control: ControlPlane, clock: ManualClock
) -> None:
    kim = control.users.create({"name": "kim"}).user
    control.sessions.open(Bearer(user=kim), Method.PASSWORD, Origin())
    await clock.advance(9 * 86_400)
    control.audit.note(Actor("admin"), "key.create", "young")
    await clock.advance(2 * 86_400)
    clear(control, clock.now_ms(), 0)
    kept_for_ever = [entry.action for entry in control.audit.newest()]
    clear(control, clock.now_ms(), 10 * DAY_MS)

    assert ["key.create", "session.open", "user.create"] == kept_for_ever
    assert ["audit.prune", "key.create"] == [entry.action for entry in control.audit.newest()]
    with control.database.read() as session:
        assert 0 == session.scalar(select(func.count()).select_from(SessionRow))


@pytest.mark.anyio
async def test_it_is_cleared_at_the_start_and_every_hour_also_after_the_database_was_away(
    control: ControlPlane, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []

    def prune() -> int:
        runs.append(clock.now_ms())
        if len(runs) == 2:
            raise DatabaseUnavailable(OSError("away"))
        return 0

    monkeypatch.setattr(control.sessions, "prune", prune)
    task = asyncio.create_task(
        clear_regularly(control, clock, structlog.get_logger(), audit_retention_ms=DAY_MS)
    )
    for hour in range(3):
        while not clock._sleepers:  # noqa: ASYNC110 - the loop waits for the next hour, and tells nobody
            await asyncio.sleep(0.01)
        assert hour + 1 == len(runs)
        await clock.advance(CLEAR_EVERY_S)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
