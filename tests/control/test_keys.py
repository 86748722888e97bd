from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from bongsu.control.context import ControlOptions
from bongsu.control.database import sqlite_url
from bongsu.control.errors import BadValue, UnknownKey, UnknownProject
from bongsu.control.limits import ControlLimits
from bongsu.control.plane import ControlPlane
from bongsu.control.values import ALL_SCOPES, Scope
from bongsu.model.errors import LimitExceeded

if TYPE_CHECKING:
    from pathlib import Path

    from bongsu.runtime.clock import ManualClock


@pytest.fixture
def project_id(plane: ControlPlane) -> str:
    return plane.projects.create({"name": "alpha"}).project.project_id


def test_a_new_key_is_found_by_its_id_with_the_hash_of_its_secret(
    plane: ControlPlane, project_id: str
) -> None:
    new = plane.keys.create(project_id, name="ci", scopes=["write"])
    key_id, _, secret = new.text.partition(".")
    grant = plane.keys.find(key_id)

    assert grant is not None
    assert (project_id, frozenset({Scope.WRITE}), hashlib.sha256(secret.encode()).digest()) == (
        grant.project.project_id,
        grant.scopes,
        grant.secret_hash,
    )


def test_a_secret_is_shown_once_and_stored_nowhere(clock: ManualClock, tmp_path: Path) -> None:
    plane = ControlPlane(sqlite_url(tmp_path / "control.db"), clock)
    new_project = plane.projects.create({"name": "alpha"})
    new_key = plane.keys.create(new_project.project.project_id, name="ci", scopes=["read"])
    texts = [new_project.appkey, new_project.token, new_key.text]
    plane.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert [] == [text for text in texts if text.partition(".")[2].encode() in stored]
    assert "." not in repr(new_key).partition("key=")[2].replace("Scope.", "").replace("Scope", "")


def test_a_project_lists_its_own_keys_only(plane: ControlPlane, project_id: str) -> None:
    other = plane.projects.create({"name": "beta"}).project.project_id
    plane.keys.create(other, name="secret-plan", scopes=["read"])

    assert {("appkey", ALL_SCOPES), ("token", frozenset({Scope.READ}))} == {
        (key.name, key.scopes) for key in plane.keys.all(project_id)
    }


def test_another_projects_key_cannot_be_revoked_or_rotated(plane: ControlPlane, project_id: str) -> None:
    other = plane.projects.create({"name": "beta"}).project.project_id
    key_id = plane.keys.all(other)[0].key_id

    with pytest.raises(UnknownKey):
        plane.keys.revoke(project_id, key_id)
    with pytest.raises(UnknownKey):
        plane.keys.rotate(project_id, key_id)


def test_a_revoked_key_is_gone_and_the_change_is_counted(plane: ControlPlane, project_id: str) -> None:
    key_id = plane.keys.all(project_id)[0].key_id
    before = plane.keys.generation()
    plane.keys.revoke(project_id, key_id)

    assert (None, True) == (plane.keys.find(key_id), plane.keys.generation() > before)


def test_rotation_leaves_the_old_key_for_the_overlap(
    plane: ControlPlane, project_id: str, clock: ManualClock
) -> None:
    old = plane.keys.create(project_id, name="ci", scopes=["read", "write"])
    new = plane.keys.rotate(project_id, old.key.key_id, overlap_ms=3_600_000)
    keys = {key.key_id: key for key in plane.keys.all(project_id)}

    assert clock.now_ms() + 3_600_000 == keys[old.key.key_id].expires_ms
    assert ("ci", old.key.scopes, None) == (new.key.name, new.key.scopes, new.key.expires_ms)


def test_a_key_that_expires_within_the_overlap_is_not_rotated(
    plane: ControlPlane, project_id: str, clock: ManualClock
) -> None:
    key = plane.keys.create(project_id, name="x", scopes=["read"], expires_ms=clock.now_ms() + 10).key

    with pytest.raises(BadValue, match="expires before the overlap ends"):
        plane.keys.rotate(project_id, key.key_id, overlap_ms=1000)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["read"], "expires_ms": 1},
    ],
)
def test_a_wrong_key_is_refused(plane: ControlPlane, project_id: str, fields: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        plane.keys.create(project_id, **fields)  # type: ignore[arg-type]


def test_a_key_needs_its_project(plane: ControlPlane) -> None:
    with pytest.raises(UnknownProject):
        plane.keys.create("nobody", name="x", scopes=["read"])
    with pytest.raises(UnknownProject):
        plane.keys.all("nobody")


def test_keys_are_limited_and_a_project_may_have_its_own_limit(control_url: str, clock: ManualClock) -> None:
    plane = ControlPlane(control_url, clock, ControlOptions(limits=ControlLimits(max_keys=3)))
    first, second = (plane.projects.create({"name": name}).project.project_id for name in "ab")
    plane.projects.update(second, {"limits": {"max_keys": 0}})
    for project_id in (first, second):
        plane.keys.create(project_id, name="third", scopes=["read"])
    plane.keys.create(second, name="fourth", scopes=["read"])

    with pytest.raises(LimitExceeded) as caught:
        plane.keys.create(first, name="fourth", scopes=["read"])

    assert (
        "keys: the project has 3 already, 3 are allowed; remove one, or raise the project's limit 'max_keys'",
        "limits.max_keys",
    ) == (caught.value.message, caught.value.setting)
    plane.close()


def test_use_is_noted_and_keys_that_are_gone_are_passed_over(plane: ControlPlane, project_id: str) -> None:
    key_id = plane.keys.all(project_id)[0].key_id
    plane.keys.note_use({key_id: 123, "gone": 456})

    assert 123 == plane.keys.all(project_id)[0].last_used_ms


def test_no_secret_is_in_the_audit_trail(plane: ControlPlane) -> None:
    new = plane.projects.create({"name": "alpha"})
    trail = str(plane.audit.newest())

    assert (True, False) == ("key.create" in trail, new.appkey.partition(".")[2] in trail)
