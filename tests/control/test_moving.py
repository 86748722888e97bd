"""A project that was exported and imported is the same project, but for what is secret."""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any

import pytest

from bongsu.control.database import sqlite_url
from bongsu.control.errors import AlreadyExists, BadValue
from bongsu.control.plane import ControlPlane
from bongsu.model.errors import LimitExceeded
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bongsu.control.values import Project

LAYOUT: dict[str, list[object]] = {"panels": []}


def without_secrets(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "<secret>" if name == "basic_auth" else value for name, value in options.items()}


def kept(options: Mapping[str, Any], _whose: str) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value != "<secret>"}


def filled(plane: ControlPlane) -> Project:
    """Return a project that has one of everything."""
    fields = {"name": "shop", "region": "jp", "retention": "3d", "limits": {"max_keys": 7}}
    project = plane.projects.create({**fields, "allowedNetworks": ["127.0.0.0/8"]}).project
    server = plane.servers.create(project, {"hostNm": "web", "svrIp": "10.0.0.1", "instanceId": "i-1"})
    plane.servers.create(project, {"hostNm": "win", "svrIp": "10.0.0.2", "region": "kr", "os": "windows"})
    job = plane.workspaces.create(
        project, "jp", {"jobName": "app", "metricsPath": "/m", "description": "the app"}
    )
    target_id = plane.targets.create(project, job.job_id, {"hostId": server.host_id, "port": 80})
    plane.scraping.change(
        project, job.job_id, lambda _: {"honor_labels": True, "basic_auth": {"password": "p"}}
    )
    plane.scraping.change(project, job.job_id, lambda _: {"scheme": "https"}, target_id=target_id)
    plane.layouts.create(project, {"name": "first", "place": job.job_id, "layout": LAYOUT})
    return project


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ControlPlane]:
    with contextlib.closing(ControlPlane(sqlite_url(tmp_path / "other.db"), ManualClock())) as other:
        other.projects.create({"name": "neighbour"})
        yield other


def test_a_project_is_the_same_on_another_server(plane: ControlPlane, other: ControlPlane) -> None:
    project = filled(plane)
    document = plane.moves.export(project.project_id, without_secrets)
    before = [p.name for p in other.projects.all()]
    checked = other.moves.import_(document, kept, only_check=True)
    assert (None, before) == (checked.made, [p.name for p in other.projects.all()]), "a check makes nothing"
    report = other.moves.import_(document, kept)

    assert report.made is not None
    assert checked.counts == report.counts
    note = "the scrape option 'basic_auth' of workspace 'app' had a secret, which an export leaves out; set it again"
    assert (note,) == report.notes == checked.notes
    made = report.made.project
    again = other.moves.export(made.project_id, without_secrets)
    expected = copy.deepcopy(document)
    for workspace in expected["workspaces"]:
        workspace["scrape"].pop("basic_auth", None)
    assert expected == again
    assert project.settings == made.settings
    assert other.keys.find(report.made.appkey.partition(".")[0]) is not None
    neighbour = next(p for p in other.projects.all() if p.name == "neighbour")
    assert [] == other.servers.all(neighbour)


def test_a_copy_beside_the_original_has_ids_of_its_own(plane: ControlPlane) -> None:
    project = filled(plane)
    document = plane.moves.export(project.project_id, without_secrets)
    report = plane.moves.import_(document, kept, name="copy")
    assert report.made is not None
    made = report.made.project

    assert ("copy", True) == (made.name, made.project_id != project.project_id)
    assert (
        f"the projectId {project.project_id!r} was used here already; the new project has another"
        in report.notes
    )
    ids = [{server.host_id for server in plane.servers.all(each)} for each in (project, made)]
    assert (2, 2, set()) == (len(ids[0]), len(ids[1]), ids[0] & ids[1])
    (layout,) = plane.layouts.all(made)
    assert layout.place in {job.job_id for job in plane.workspaces.all(made, "jp")}
    assert document == plane.moves.export(project.project_id, without_secrets), "the original stays as it is"


def changed(document: dict[str, Any], *path: str | int, to: object) -> dict[str, Any]:
    place: Any = copy.deepcopy(document)
    whole = place
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return whole  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "to", "words"),
    [
        (("format",), "tar", "the document's format is 'tar'"),
        (("version",), 2, "version '2'"),
        (("servers",), None, "'servers' is missing or no list"),
        (("servers", 0, "svrIp"), "http://x", r"servers\[0\]: 'svrIp'"),
        (("servers", 0, "region"), "mars", r"servers\[0\]: the region"),
        (("servers", 0, "hostId"), "x" * 50, r"servers\[0\]: 'hostId'"),
        (("servers", 0, "colour"), "red", r"servers\[0\]: unknown field 'colour'"),
        (("project", "limits"), {"max_fun": 1}, "no limit 'max_fun'"),
        (("workspaces", 0, "reservedJobCd"), "MAC", r"workspaces\[0\]: 'reservedJobCd'"),
        (("workspaces", 0, "targets", 0, "hostId"), "nobody", r"workspaces\[0\].targets\[0\]: 'hostId'"),
        (("workspaces", 0, "targets", 0, "port"), 0, r"workspaces\[0\].targets\[0\]: 'port'"),
        (("layouts", 0, "name"), "", r"layouts\[0\]: 'name'"),
    ],
)
def test_a_document_with_a_mistake_makes_nothing_and_says_where_it_stands(
    plane: ControlPlane, other: ControlPlane, path: tuple[str | int, ...], to: object, words: str
) -> None:
    document = plane.moves.export(filled(plane).project_id, without_secrets)
    with pytest.raises(BadValue, match=words):
        other.moves.import_(changed(document, *path, to=to), kept)

    assert ["neighbour"] == [project.name for project in other.projects.all()]


def test_a_document_beyond_its_limits_or_with_a_name_twice_makes_nothing(
    plane: ControlPlane, other: ControlPlane
) -> None:
    document = plane.moves.export(filled(plane).project_id, without_secrets)
    with pytest.raises(LimitExceeded, match="servers: the document has"):
        other.moves.import_(changed(document, "project", "limits", to={"max_servers": 1}), kept)
    twice = changed(
        document, "servers", to=[*document["servers"], document["servers"][0] | {"hostId": "another"}]
    )
    with pytest.raises(AlreadyExists, match=r"servers\[2\]"):
        other.moves.import_(twice, kept)

    assert ["neighbour"] == [project.name for project in other.projects.all()]
