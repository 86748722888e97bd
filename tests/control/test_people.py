"""Users, members and sessions, on both kinds of database."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from bongsu.control.audit import AuditFilter
from bongsu.control.errors import AlreadyExists, BadValue, UnknownProject
from bongsu.control.external import ExternalRefused, ExternalUser
from bongsu.control.passwords import PasswordHashes, WeakPassword, check_password
from bongsu.control.people import Bearer, Method, Origin, User
from bongsu.control.roles import ROLE_OF_SCOPE, Role, parse_assignment, scopes_of_role
from bongsu.control.sessions import INVITATION_MS, MAX_PER_BEARER, UnknownSession, token_hash
from bongsu.control.user_rows import UnknownUser
from bongsu.control.values import Actor, Scope

if TYPE_CHECKING:
    from bongsu.control.plane import ControlPlane
    from bongsu.control.projects import NewProject
    from bongsu.runtime.clock import ManualClock

PASSWORD = "correct horse battery"
HERE = Origin("192.0.2.7", "Browser/1.0")
ME = Actor("user:root", "192.0.2.1")


@pytest.fixture
def alpha(plane: ControlPlane) -> NewProject:
    return plane.projects.create({"name": "alpha"}, project_id="alpha")


@pytest.fixture
def beta(plane: ControlPlane) -> NewProject:
    return plane.projects.create({"name": "beta"}, project_id="beta")


def add(plane: ControlPlane, name: str = "kim", **fields: object) -> User:
    return plane.users.create({"name": name, "password": PASSWORD, **fields}, actor=ME).user


def found_roles(plane: ControlPlane, token: str, *projects: str) -> list[Role | None]:
    grants = [plane.sessions.find(f"{token_hash(token)} {project}") for project in projects]
    return [None if grant is None else grant.role for grant in grants]


@pytest.mark.usefixtures("alpha", "beta")
def test_a_user_has_the_roles_that_were_given_and_sees_no_other_project(plane: ControlPlane) -> None:
    kim = add(plane, roles={"alpha": "editor"})
    token = plane.sessions.open(Bearer(user=kim), Method.PASSWORD, HERE).token

    assert {"alpha": Role.EDITOR} == plane.users.get(kim.user_id).roles
    assert [("alpha", Role.EDITOR)] == [(p.project_id, role) for p, role in plane.members.projects_of(kim)]
    assert [Role.EDITOR, Role.EDITOR, None, None] == found_roles(
        plane, token, "", "alpha", "beta", "no\x00ne"
    )
    assert [] == plane.members.all("beta")


@pytest.mark.usefixtures("alpha", "beta")
def test_a_role_everywhere_counts_in_every_project_and_the_stronger_one_holds(plane: ControlPlane) -> None:
    kim = add(plane, roles={"alpha": "owner"}, everywhere="viewer")
    token = plane.sessions.open(Bearer(user=kim), Method.PASSWORD, HERE).token

    assert [Role.OWNER, Role.VIEWER] == found_roles(plane, token, "alpha", "beta")
    assert ["alpha", "beta"] == [p.project_id for p, _ in plane.members.projects_of(kim)]


def test_an_administrator_of_an_empty_server_has_no_project(plane: ControlPlane) -> None:
    root = add(plane, "root", everywhere="administrator")
    token = plane.sessions.open(Bearer(user=root), Method.PASSWORD, HERE).token
    grant = plane.sessions.find(f"{token_hash(token)} ")

    assert grant is not None
    assert (None, None, True) == (grant.project, grant.role, root.is_administrator)


@pytest.mark.parametrize(
    ("fields", "kind", "says"),
    [
        ({"name": "kim"}, AlreadyExists, "there is a user 'kim' already"),
        ({"name": "KIM "}, AlreadyExists, "there is a user 'kim' already"),
        ({"name": "k m"}, BadValue, "user's name is 'k m'"),
        ({"name": ""}, BadValue, "user's name is ''"),
        ({"name": "x" * 201}, BadValue, "up to 200"),
        ({"name": None}, BadValue, "user's name is 'None'"),
        ({"name": "lee", "role": "x"}, BadValue, "unknown field 'role'"),
        ({"name": "lee", "roles": {"alpha": "king"}}, BadValue, "the role is 'king'"),
        ({"name": "lee", "roles": {"alpha": "administrator"}}, BadValue, "the role is 'administrator'"),
        ({"name": "lee", "roles": ["alpha"]}, BadValue, "'roles' is no object"),
        ({"name": "lee", "roles": {"nowhere": "viewer"}}, UnknownProject, "no project 'nowhere'"),
        ({"name": "lee", "everywhere": "god"}, BadValue, "the role everywhere is 'god'"),
        ({"name": "lee", "password": "short"}, WeakPassword, "has 5 characters, at least 12 are needed"),
        ({"name": "lee", "password": 12}, WeakPassword, "has 0 characters"),
    ],
)
@pytest.mark.usefixtures("alpha")
def test_what_makes_no_user_says_why_and_leaves_nothing(
    plane: ControlPlane, fields: dict[str, object], kind: type[Exception], says: str
) -> None:
    add(plane)

    with pytest.raises(kind, match=says):
        plane.users.create(fields)
    assert ["kim"] == [account.user.name for account in plane.users.all()]


def test_a_password_is_checked_and_never_kept(plane: ControlPlane) -> None:
    add(plane)

    assert "kim" == getattr(plane.users.check("kim", PASSWORD), "name", None)
    assert plane.users.check("kim", PASSWORD + "x") is None
    assert plane.users.check("nobody", PASSWORD) is None
    assert plane.users.check("kim", None) is None
    assert plane.users.check(None, PASSWORD) is None
    with plane.database.read() as session:
        (kept,) = session.execute(text("SELECT password_hash FROM users")).one()
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("x" * 11, "11 characters, at least 12"),
        ("aaaaaaaaaaaaaaab", "only 2 different characters"),
        ("my name is kimberly", "holds the user's name"),
        ("x" * 1025, "1025 characters, 1024 are allowed"),
        ("\ud800" * 3, "3 characters"),
    ],
)
def test_weak_passwords_are_refused_without_being_repeated(password: str, says: str) -> None:
    with pytest.raises(WeakPassword, match=says) as refused:
        check_password(password, name="kimberly@example.com")
    assert password not in refused.value.message


def test_one_password_typed_on_two_keyboards_is_the_same() -> None:
    """Korean syllables may arrive whole or in parts."""
    hashes = PasswordHashes()
    hashed = hashes.make(check_password("봉수대에 불을 올려라 2026", name="kim"))

    assert hashes.matches(hashed, "봉수대에 불을 올려라 2026")
    assert not hashes.matches(None, "봉수대에 불을 올려라 2026")
    assert not hashes.matches("no hash at all", "x")


def test_unknown_users_cost_the_same_hash(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str | None] = []
    monkeypatch.setattr(PasswordHashes, "matches", lambda _self, hashed, _: checked.append(hashed))
    add(plane)
    disabled = add(plane, "lee")
    plane.users.update(disabled.user_id, {"enabled": False})
    for name in ("kim", "nobody", "lee"):
        plane.users.check(name, "x")

    assert [True, False, False] == [hashed is not None for hashed in checked]


def test_a_new_password_ends_the_other_sessions(plane: ControlPlane) -> None:
    kim = add(plane)
    own, other = (plane.sessions.open(Bearer(user=kim), Method.PASSWORD, HERE) for _ in range(2))
    plane.users.set_password(kim.user_id, PASSWORD + "!", keep_session=own.session.session_id)

    assert [own.session] == plane.sessions.all(kim.user_id)
    assert plane.sessions.find(f"{token_hash(other.token)} ") is None
    assert plane.users.check("kim", PASSWORD) is None


def test_a_disabled_or_removed_user_is_signed_out(plane: ControlPlane) -> None:
    kim, lee = add(plane), add(plane, "lee")
    tokens = [plane.sessions.open(Bearer(user=user), Method.PASSWORD, HERE).token for user in (kim, lee)]
    plane.users.update(kim.user_id, {"enabled": False})
    plane.users.delete(lee.user_id)

    assert [None, None] == [plane.sessions.find(f"{token_hash(token)} ") for token in tokens]
    assert plane.users.check("kim", PASSWORD) is None
    with pytest.raises(UnknownUser):
        plane.users.get(lee.user_id)


def test_only_the_first_user_makes_themselves_an_administrator(plane: ControlPlane) -> None:
    with pytest.raises(BadValue, match="'password' is missing"):
        plane.users.create_first({"name": "root"})
    first = plane.users.create_first({"name": "root", "password": PASSWORD})

    assert first.user.is_administrator
    with pytest.raises(BadValue, match="there are users already"):
        plane.users.create_first({"name": "other", "password": PASSWORD})


def test_two_who_make_the_same_user_at_once_make_one(plane: ControlPlane) -> None:
    outcomes: list[str] = []

    def make() -> None:
        try:
            plane.members.add("alpha", "kim", "viewer")
        except AlreadyExists:
            outcomes.append("taken")
        else:
            outcomes.append("made")

    plane.projects.create({"name": "alpha"}, project_id="alpha")
    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 4 == len(outcomes)
    assert ["kim"] == [account.user.name for account in plane.users.all()]
    assert 1 == len(plane.members.all("alpha"))


@pytest.mark.usefixtures("alpha", "beta")
def test_members_are_of_their_project_only(plane: ControlPlane) -> None:
    member, is_new = plane.members.add("alpha", "Kim@Example.com", "viewer", actor=ME)
    again, is_new_again = plane.members.add("beta", "kim@example.com", "owner", actor=ME)

    assert ("kim@example.com", True, False) == (member.user.name, is_new, is_new_again)
    assert member.user.user_id == again.user.user_id
    plane.members.remove("beta", member.user.user_id)
    assert [Role.VIEWER] == [one.role for one in plane.members.all("alpha")]
    for call in (
        lambda: plane.members.remove("beta", member.user.user_id),
        lambda: plane.members.change("beta", member.user.user_id, "owner"),
        lambda: plane.members.change("beta", "no-such-user", "owner"),
        lambda: plane.members.remove("beta", "\x00"),
    ):
        with pytest.raises(UnknownUser, match="the project has no member"):
            call()
    assert Role.EDITOR is plane.members.change("alpha", member.user.user_id, "editor").role


@pytest.mark.anyio
async def test_a_session_ends_by_its_time_and_is_removed_when_nobody_uses_it(
    plane: ControlPlane, clock: ManualClock
) -> None:
    kim = add(plane)
    made = plane.sessions.open(Bearer(user=kim), Method.PASSWORD, HERE)
    busy = plane.sessions.open(Bearer(user=kim), Method.PASSWORD, HERE)
    day = 86_400.0
    for _ in range(6):
        await clock.advance(day)
        plane.sessions.note_use({busy.session.session_id: clock.now_ms(), "gone": clock.now_ms()})
    plane.sessions.prune()

    assert [busy.session.session_id] == [one.session_id for one in plane.sessions.all(kim.user_id)]
    assert plane.sessions.find(f"{token_hash(made.token)} ") is None
    await clock.advance(day)
    assert plane.sessions.find(f"{token_hash(busy.token)} ") is None
    assert 1 == plane.sessions.prune()


def test_signing_in_again_and_again_fills_nothing(plane: ControlPlane) -> None:
    kim = add(plane)
    first = plane.sessions.open(Bearer(user=kim), Method.PASSWORD, HERE)
    for _ in range(MAX_PER_BEARER):
        newest = plane.sessions.open(Bearer(user=kim), Method.PASSWORD, HERE)
    held = plane.sessions.all(kim.user_id)

    assert (MAX_PER_BEARER, newest.session) == (len(held), held[0])
    assert plane.sessions.find(f"{token_hash(first.token)} ") is None


@pytest.mark.anyio
async def test_a_link_is_good_once_and_for_its_time(plane: ControlPlane, clock: ManualClock) -> None:
    kim = plane.users.create({"name": "kim"}).user
    old, new = (plane.sessions.invite(kim.user_id).token for _ in range(2))

    assert plane.sessions.link(old) is None
    assert Bearer(user=kim) == plane.sessions.link(new)
    assert plane.sessions.find(f"{token_hash(new)} ") is None
    assert Bearer(user=kim) == plane.sessions.redeem(new)
    assert plane.sessions.redeem(new) is None
    late = plane.sessions.invite(kim.user_id).token
    await clock.advance(INVITATION_MS / 1000)
    assert plane.sessions.redeem(late) is None


def test_of_many_who_open_a_link_at_once_one_gets_in(plane: ControlPlane) -> None:
    kim = plane.users.create({"name": "kim"}).user
    token = plane.sessions.invite(kim.user_id).token
    found: list[Bearer | None] = []
    threads = [threading.Thread(target=lambda: found.append(plane.sessions.redeem(token))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 == sum(one is not None for one in found)


def test_a_revoked_key_takes_its_sessions_along(plane: ControlPlane, alpha: NewProject) -> None:
    key_id = alpha.appkey.partition(".")[0]
    token = plane.sessions.open(Bearer(key_id=key_id), Method.KEY, HERE).token
    link = plane.sessions.link_for_operator(key_id)
    plane.keys.revoke("alpha", key_id)

    assert plane.sessions.find(f"{token_hash(token)} ") is None
    assert plane.sessions.redeem(link) is None


def test_nobody_ends_the_session_of_another(plane: ControlPlane) -> None:
    kim, lee = add(plane), add(plane, "lee")
    theirs = plane.sessions.open(Bearer(user=lee), Method.PASSWORD, HERE)

    with pytest.raises(UnknownSession):
        plane.sessions.revoke(kim.user_id, theirs.session.session_id)
    plane.sessions.revoke(lee.user_id, theirs.session.session_id, actor=ME)
    assert [] == plane.sessions.all(lee.user_id)


@pytest.mark.usefixtures("alpha", "beta")
def test_the_trail_tells_who_did_what_to_whom(plane: ControlPlane) -> None:
    kim = add(plane, roles={"alpha": "viewer"})
    made = plane.sessions.open(Bearer(user=kim), Method.PASSWORD, HERE)
    plane.members.change("alpha", kim.user_id, "owner", actor=ME)
    plane.sessions.close(made.token, HERE)
    told = [
        (entry.action, entry.subject, entry.actor.name, entry.actor.address)
        for entry in reversed(plane.audit.newest())
        if entry.action.partition(".")[0] in {"user", "member", "session"}
    ]

    assert [
        ("user.create", "kim", "user:root", "192.0.2.1"),
        ("member.add", "kim", "user:root", "192.0.2.1"),
        ("session.open", made.session.session_id, "user:kim", "192.0.2.7"),
        ("member.role", "kim", "user:root", "192.0.2.1"),
        ("session.close", made.session.session_id, "user:kim", "192.0.2.7"),
    ] == told
    assert made.token not in str(plane.audit.newest())


@pytest.mark.anyio
async def test_the_trail_is_searched_paged_and_pruned(plane: ControlPlane, clock: ManualClock) -> None:
    for number in range(6):
        actor = Actor("user:kim" if number % 2 else "user:lee", f"192.0.2.{number}")
        plane.audit.note(actor, "key.create" if number < 3 else "keys", str(number), "alpha", value=number)
        await clock.advance(1)
    start = clock.now_ms() - 6000

    def subjects(**wanted: Any) -> list[str]:
        return [e.subject for e in plane.audit.newest(wanted=AuditFilter(**wanted))]

    assert ["5", "3", "1"] == subjects(actor="user:kim")
    assert ["2", "1", "0"] == subjects(action="key.")
    assert ["5", "4", "3"] == subjects(action="keys")
    assert ["4"] == subjects(address="192.0.2.4")
    assert ["3", "2"] == subjects(since_ms=start + 2000, until_ms=start + 4000)
    page = plane.audit.newest(count=2)
    assert ["5", "4"] == [entry.subject for entry in page]
    assert ["3", "2", "1", "0"] == subjects(before=page[-1].sequence)
    assert [] == plane.audit.newest(project_id="beta")
    assert 4 == plane.audit.prune(start + 4000)
    assert ["audit", "5", "4"] == subjects()
    assert 0 == plane.audit.prune(start + 4000)
    assert ["audit", "5", "4"] == subjects()


def person(name: str = "kim@example.com", subject: str = "s1", **fields: Any) -> ExternalUser:
    known: dict[str, Any] = {"display_name": "Kim", "is_name_sure": True} | fields
    return ExternalUser("https://id.example.com", subject, name, **known)


@pytest.mark.usefixtures("alpha", "beta")
def test_who_a_provider_vouches_for_gets_the_roles_that_it_says(plane: ControlPlane) -> None:
    ruled: dict[str, Any] = {"governs_roles": True}
    kim = plane.external_users.admit(person(roles={"alpha": Role.EDITOR}, **ruled))
    again = plane.external_users.admit(
        person("new@example.com", roles={"beta": Role.VIEWER, "*": Role.VIEWER}, **ruled)
    )

    assert (kim.user_id, "kim@example.com", Role.VIEWER) == (again.user_id, again.name, again.everywhere)
    assert {"beta": Role.VIEWER} == plane.users.get(kim.user_id).roles
    with pytest.raises(ExternalRefused, match="has a role in no project"):
        plane.external_users.admit(person(roles={}, **ruled))
    assert {"beta": Role.VIEWER} == plane.users.get(kim.user_id).roles, "a refused sign-in changes nothing"


@pytest.mark.usefixtures("alpha")
def test_a_provider_does_not_take_over_who_has_a_password(plane: ControlPlane) -> None:
    add(plane, "kim@example.com")
    invited = plane.members.add("alpha", "lee@example.com", "owner")[0].user

    with pytest.raises(ExternalRefused, match="another user's here"):
        plane.external_users.admit(person(roles={"alpha": Role.OWNER}))
    with pytest.raises(ExternalRefused, match="another user's here"):
        plane.external_users.admit(person("lee@example.com", is_name_sure=False))
    taken = plane.external_users.admit(person("lee@example.com"))
    assert (invited.user_id, True) == (taken.user_id, taken.external)
    assert {"alpha": Role.OWNER} == plane.users.get(taken.user_id).roles
    with pytest.raises(ExternalRefused, match="another user's here"):
        plane.external_users.admit(person("lee@example.com", subject="s2"))
    with pytest.raises(BadValue, match="has no password here"):
        plane.users.set_password(taken.user_id, PASSWORD)
    plane.users.update(taken.user_id, {"enabled": False})
    with pytest.raises(ExternalRefused, match="may not sign in"):
        plane.external_users.admit(person("lee@example.com"))


def test_roles_are_in_order_and_cover_what_is_below() -> None:
    order = [Role.VIEWER, Role.EDITOR, Role.OWNER, Role.ADMINISTRATOR]
    for position, role in enumerate(order):
        assert order[: position + 1] == [other for other in order if role.covers(other)]
    assert {Scope.READ} == scopes_of_role(Role.VIEWER)
    assert set(ROLE_OF_SCOPE) == set(Scope) == scopes_of_role(Role.OWNER)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("shop=editor", ("shop", Role.EDITOR)),
        ("shop=", ("shop", None)),
        ("*=viewer", ("*", Role.VIEWER)),
        ("*=administrator", ("*", Role.ADMINISTRATOR)),
        ("administrator", ("*", Role.ADMINISTRATOR)),
    ],
)
def test_roles_are_given_in_words(written: str, expected: tuple[str, Role | None]) -> None:
    assert expected == parse_assignment(written)


@pytest.mark.parametrize("written", ["", "shop", "=viewer", "shop=administrator", "shop=king", "owner"])
def test_words_that_give_no_role_are_refused(written: str) -> None:
    with pytest.raises(BadValue, match="gives no role"):
        parse_assignment(written)
