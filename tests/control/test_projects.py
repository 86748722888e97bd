from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bongsu.control.audit import admin_actor
from bongsu.control.errors import AlreadyExists, BadValue, UnknownProject
from bongsu.control.values import ProjectSettings

if TYPE_CHECKING:
    from bongsu.control.plane import ControlPlane

ADMIN = admin_actor("10.9.9.9")


def test_a_project_has_the_defaults_that_the_call_leaves_out(plane: ControlPlane) -> None:
    project = plane.projects.create({"name": "alpha"}).project

    assert ("alpha", "kr", ProjectSettings(15 * 86_400_000)) == (
        project.name,
        project.region,
        project.settings,
    )


def test_projects_are_listed_in_the_order_in_which_they_were_made(plane: ControlPlane) -> None:
    made = [plane.projects.create({"name": name}).project for name in ("b", "a", "b")]

    assert made == plane.projects.all()
    assert made[1] == plane.projects.get(made[1].project_id)


def test_a_pcode_is_never_used_again(plane: ControlPlane) -> None:
    first = plane.projects.create({"name": "a"}).project
    plane.projects.delete(first.project_id)
    second = plane.projects.create({"name": "b"}).project

    assert second.pcode > first.pcode


def test_a_given_id_is_taken_once(plane: ControlPlane) -> None:
    plane.projects.create({"name": "a"}, project_id="default")

    with pytest.raises(AlreadyExists, match="there is a project 'default' already"):
        plane.projects.create({"name": "b"}, project_id="default")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": ""},
        {"name": "a", "region": "mars"},
        {"name": "a", "region": 1},
        {"name": "a", "retention": "soon"},
        {"name": "a", "limits": {"max_everything": 1}},
        {"name": "a", "linuxWorkspace": "no"},
        {"name": "a", "projectId": "x"},
    ],
)
def test_wrong_fields_are_refused_and_nothing_is_made(plane: ControlPlane, fields: dict[str, object]) -> None:
    with pytest.raises(BadValue):
        plane.projects.create(fields)

    assert [] == plane.projects.all()


def test_an_update_changes_what_it_names_and_merges_limits(plane: ControlPlane) -> None:
    other = plane.projects.create({"name": "other"}).project
    project_id = plane.projects.create(
        {"name": "a", "retention": "1d", "limits": {"max_keys": 7, "max_servers": 8}}
    ).project.project_id
    updated = plane.projects.update(
        project_id, {"name": "b", "limits": {"max_keys": None, "max_workspaces": 9}}
    )

    assert ("b", 86_400_000, (("max_servers", 8), ("max_workspaces", 9))) == (
        updated.name,
        updated.settings.retention_ms,
        updated.settings.limits,
    )
    assert [other, updated] == plane.projects.all()


def test_a_region_is_for_ever(plane: ControlPlane) -> None:
    project_id = plane.projects.create({"name": "a"}).project.project_id

    with pytest.raises(BadValue, match="unknown field 'region'"):
        plane.projects.update(project_id, {"region": "jp"})


def test_a_removed_project_takes_all_that_it_holds(plane: ControlPlane) -> None:
    kept = plane.projects.create({"name": "kept"}).project
    plane.servers.create(kept, {"hostNm": "h", "svrIp": "10.0.0.1"})
    project = plane.projects.create({"name": "gone"}).project
    plane.servers.create(project, {"hostNm": "h", "svrIp": "10.0.0.1"})
    key_id = plane.keys.all(project.project_id)[0].key_id
    plane.projects.delete(project.project_id)

    with pytest.raises(UnknownProject):
        plane.projects.get(project.project_id)
    assert (None, [kept.project_id]) == (
        plane.keys.find(key_id),
        [target.project_id for target in plane.targets.scrape_targets()],
    )


def test_what_is_not_there_cannot_be_changed(plane: ControlPlane) -> None:
    for call in (plane.projects.get, plane.projects.delete, lambda name: plane.projects.update(name, {})):
        with pytest.raises(UnknownProject, match="there is no project 'nobody'"):
            call("nobody")


def test_every_change_is_in_the_trail_newest_first(plane: ControlPlane) -> None:
    project_id = plane.projects.create({"name": "a"}, actor=ADMIN).project.project_id
    plane.projects.update(project_id, {"name": "b"}, actor=ADMIN)
    plane.projects.delete(project_id, actor=ADMIN)
    plane.projects.create({"name": "other"})

    assert [
        ("admin", "project.delete"),
        ("admin", "project.update"),
        ("admin", "key.create"),
        ("admin", "key.create"),
        ("admin", "project.create"),
    ] == [(entry.actor.name, entry.action) for entry in plane.audit.newest(project_id=project_id)]


def test_networks_of_a_project_are_kept_in_one_form(plane: ControlPlane) -> None:
    project = plane.projects.create({"name": "a", "allowedNetworks": ["10.0.0.5", "fd00::/8"]}).project
    other = plane.projects.create({"name": "b"}).project

    assert ("10.0.0.5/32", "fd00::/8") == project.settings.allowed_networks
    assert () == other.settings.allowed_networks
    changed = plane.projects.update(project.project_id, {"allowedNetworks": []})
    assert (
        ()
        == changed.settings.allowed_networks
        == plane.projects.get(project.project_id).settings.allowed_networks
    )


@pytest.mark.parametrize(
    "value", ["10.0.0.0/8", [1], ["10.0.0.1/8"], ["localhost"], ["10.0.0.0/8"] * 101, None]
)
def test_what_is_no_list_of_networks_is_refused(plane: ControlPlane, value: object) -> None:
    with pytest.raises(BadValue, match="'allowedNetworks'"):
        plane.projects.create({"name": "a", "allowedNetworks": value})
