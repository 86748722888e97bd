from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from bongsu.control.bootstrap import bootstrap
from bongsu.control.credentials import credentials_file, read_credentials
from bongsu.control.values import ALL_SCOPES, Scope
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from bongsu.control.plane import ControlPlane


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_the_first_start_makes_a_project_with_two_keys_and_an_admin_token(
    plane: ControlPlane, folder: Path
) -> None:
    start = bootstrap(plane, folder)
    held = start.credentials
    scopes = []
    for key in (held.appkey, held.token):
        grant = plane.keys.find(key.partition(".")[0])
        assert grant is not None
        scopes.append(grant.scopes)

    assert (True, "default", plane.projects.get("default").pcode, [ALL_SCOPES, {Scope.READ}]) == (
        start.made_project,
        held.project_id,
        held.pcode,
        scopes,
    )
    assert 43 == len(held.admin_token)


def test_the_file_is_for_its_owner_only_and_has_documented_names(plane: ControlPlane, folder: Path) -> None:
    held = bootstrap(plane, folder).credentials
    file = credentials_file(folder)

    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert {
        "projectId": "default",
        "pcode": held.pcode,
        "appkey": held.appkey,
        "token": held.token,
        "adminToken": held.admin_token,
    } == json.loads(file.read_text())
    assert [file] == list(folder.iterdir())


def test_a_second_start_finds_everything_again(plane: ControlPlane, folder: Path) -> None:
    first = bootstrap(plane, folder)
    second = bootstrap(plane, folder)

    assert (first.credentials, False, 2) == (
        second.credentials,
        second.made_project,
        len(plane.keys.all("default")),
    )


def test_an_admin_token_from_outside_holds_and_is_not_written(plane: ControlPlane, folder: Path) -> None:
    first = bootstrap(plane, folder, admin_token="from-outside").credentials
    written = read_credentials(folder)
    assert written is not None

    assert ("from-outside", "") == (first.admin_token, written.admin_token)
    assert 43 == len(bootstrap(plane, folder).credentials.admin_token)
    assert "from-outside" == bootstrap(plane, folder, admin_token="from-outside").credentials.admin_token


def test_a_lost_file_gets_new_keys_and_leaves_the_old_ones_alone(plane: ControlPlane, folder: Path) -> None:
    first = bootstrap(plane, folder)
    credentials_file(folder).unlink()
    second = bootstrap(plane, folder)

    assert (False, False, 4) == (
        second.made_project,
        first.credentials.appkey == second.credentials.appkey,
        len(plane.keys.all("default")),
    )


def test_a_removed_first_project_does_not_come_back_beside_others(plane: ControlPlane, folder: Path) -> None:
    bootstrap(plane, folder)
    other = plane.projects.create({"name": "other"}).project
    plane.projects.delete("default")
    bootstrap(plane, folder)

    assert [other] == plane.projects.all()


def test_a_new_database_beside_an_old_file_gets_a_new_project(plane: ControlPlane, folder: Path) -> None:
    bootstrap(plane, folder)
    plane.projects.delete("default")
    again = bootstrap(plane, folder)

    assert again.made_project
    assert plane.keys.find(again.credentials.appkey.partition(".")[0]) is not None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pcode": "x"}', '{"pcode": null}'])
def test_a_damaged_file_is_named(folder: Path, content: str) -> None:
    credentials_file(folder).write_text(content)

    with pytest.raises(InvalidInput, match=r"credentials\.json cannot be read"):
        read_credentials(folder)


def test_no_file_is_no_credentials(folder: Path) -> None:
    assert read_credentials(folder) is None
